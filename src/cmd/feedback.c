/* What people see of a session on a terminal. See feedback.h.
 *
 * Cost: one write a line; one GET per student seen for the first time. Thread: one (main).
 * Invariant: text from the server passes text_fit, so that no name can drive the terminal; names
 * and ids go to the operator's terminal only, never to a log. */
#include "cmd/feedback.h"

#include "base/mem.h"
#include "cmd/words.h"

#include <time.h>
#include <unistd.h>

enum { KNOWN_MAX = 4096, ID_COLUMNS = 14, NAME_COLUMNS = 22, FRAME_COLUMNS = 26 };
enum { STATUS_COLUMNS = 15, EXTERNAL_TEXT = 65 };

struct known_student {
    char id[ID_TEXT];
    char external_id[EXTERNAL_TEXT];
};

struct feedback {
    FILE *out;
    struct remote *remote; /* borrowed */
    bool colour;
    struct known_student *known; /* [KNOWN_MAX], owned */
    int n_known;
    struct arena *arena; /* for the requests */
};

bool feedback_wants_colour(FILE *out)
{
    const char *no = getenv("NO_COLOR");
    return isatty(fileno(out)) && (!no || !no[0]);
}

enum err feedback_new(FILE *out, struct remote *remote, struct feedback **ret_feedback,
                      struct error *e)
{
    _cleanup_(feedback_freep) struct feedback *f = mem_alloc(sizeof *f);
    if (!f)
        return error_set(e, ERR_NOMEM, "out of memory");
    f->out = out;
    f->remote = remote;
    f->colour = feedback_wants_colour(out);
    f->known = mem_array(KNOWN_MAX, sizeof *f->known);
    f->arena = arena_new(4 * MIB);
    if (!f->known || !f->arena)
        return error_set(e, ERR_NOMEM, "out of memory");
    *ret_feedback = TAKE(f);
    return ERR_OK;
}

void feedback_free(struct feedback *f)
{
    if (!f)
        return;
    if (f->known)
        secure_free(f->known, KNOWN_MAX * sizeof *f->known);
    arena_free(f->arena);
    mem_free(f);
}

void feedback_freep(struct feedback **f) { feedback_free(*f); }

/* The external id of a student, asked from the server once; "" when it does not tell. */
static const char *external_id_of(struct feedback *f, const char *id)
{
    for (int i = 0; i < f->n_known; i++)
        if (strcmp(f->known[i].id, id) == 0)
            return f->known[i].external_id;
    if (!f->remote || !id[0] || f->n_known == KNOWN_MAX)
        return "";
    struct known_student *k = &f->known[f->n_known++];
    snprintf(k->id, sizeof k->id, "%s", id);
    arena_reset(f->arena);
    json_t *answer = NULL;
    char *path = arena_printf(f->arena, "/v1/students/%s", id);
    if (path && remote_json(f->remote, f->arena, HTTP_GET, path, NULL, &answer, NULL) == ERR_OK)
        snprintf(k->external_id, sizeof k->external_id, "%s", json_text(answer, "external_id"));
    json_decref(answer);
    return k->external_id;
}

/* The terminal colour of a status word; "" for none. */
static const char *colour_of(const struct feedback *f, const char *status)
{
    static const struct {
        const char *status, *code;
    } table[] = {
        {"present", "\033[32m"},    {"late", "\033[33m"},         {"already_present", "\033[36m"},
        {"confirming", "\033[33m"}, {"not_enrolled", "\033[35m"}, {"unknown", "\033[33m"},
        {"spoof", "\033[31m"},      {"missing", "\033[31m"},      {"dropped", "\033[31m"},
        {"lost", "\033[31m"},       {"refused", "\033[31m"},      {"low_quality", "\033[2m"},
        {"no face", "\033[2m"}};
    if (!f->colour)
        return "";
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (strcmp(table[i].status, status) == 0)
            return table[i].code;
    return "";
}

static void put_status(const struct feedback *f, struct buf *b, const char *status, int columns)
{
    const char *colour = colour_of(f, status);
    buf_puts(b, colour);
    text_fit(b, str_from(status), columns, false);
    buf_puts(b, colour[0] ? "\033[0m" : "");
}

static void put_line(struct feedback *f, struct buf *b)
{
    while (b->n > 0 && b->p[b->n - 1] == ' ')
        b->n--;
    buf_putc(b, '\n');
    fwrite(b->p, 1, b->n, f->out);
    fflush(f->out);
}

/* Local time of day of an RFC 3339 text, or blanks. */
static void put_clock(struct buf *b, const char *iso)
{
    usec_t utc = 0;
    struct tm tm;
    char text[16] = "--:--:--";
    if (time_parse_iso(str_from(iso), &utc, NULL) == ERR_OK) {
        time_t seconds = (time_t)(utc / USEC_PER_SEC);
        if (localtime_r(&seconds, &tm))
            strftime(text, sizeof text, "%H:%M:%S", &tm);
    }
    buf_puts(b, text);
}

static void put_start(struct buf *b, const char *iso, const char *frame_name)
{
    put_clock(b, iso);
    buf_puts(b, "  ");
    text_fit(b, str_from(frame_name), FRAME_COLUMNS, false);
    buf_puts(b, "  ");
}

void feedback_heading(struct feedback *f)
{
    _cleanup_(buf_done) struct buf b;
    buf_init(&b, 4 * KIB);
    buf_printf(&b, "%-8s  %-*s  %-*s  %-*s  %-*s  %s", "time", FRAME_COLUMNS, "frame",
               STATUS_COLUMNS, "status", ID_COLUMNS, "id", NAME_COLUMNS, "name",
               "similarity (needed)      took");
    put_line(f, &b);
}

/* "0.812 (0.609)" or the reason why a face was not compared; always 18 columns. */
static void put_score(struct buf *b, const json_t *face)
{
    char text[32] = "";
    if (json_is_number(json_object_get(face, "similarity"))) {
        int n = snprintf(text, sizeof text, "%.3f", json_num(face, "similarity"));
        if (json_is_number(json_object_get(face, "threshold")) && n > 0)
            snprintf(text + n, sizeof text - (size_t)n, " (%.3f)", json_num(face, "threshold"));
    } else {
        snprintf(text, sizeof text, "%s", json_text(face, "flaw"));
    }
    text_fit(b, str_from(text), 18, false);
}

static void put_face(struct feedback *f, struct buf *b, const json_t *face)
{
    const json_t *student = json_object_get(face, "student");
    const json_t *mark = json_object_get(face, "mark");
    const char *status = json_text(face, "status");
    if (strcmp(status, "present") == 0 && strcmp(json_text(mark, "status"), "late") == 0)
        status = "late";
    put_status(f, b, status, STATUS_COLUMNS);
    buf_puts(b, "  ");
    text_fit(b, str_from(external_id_of(f, json_text(student, "id"))), ID_COLUMNS, false);
    buf_puts(b, "  ");
    text_fit(b, str_from(json_text(student, "name")), NAME_COLUMNS, false);
    buf_puts(b, "  ");
    put_score(b, face);
}

void feedback_result(struct feedback *f, const char *frame_name, const json_t *event)
{
    const json_t *faces = json_object_get(event, "faces");
    const char *at = json_text(event, "processed_at");
    size_t n = json_array_size(faces);
    for (size_t i = 0; i < n || i == 0; i++) {
        _cleanup_(buf_done) struct buf b;
        buf_init(&b, 8 * KIB);
        put_start(&b, at, i == 0 ? frame_name : "");
        if (n == 0) {
            put_status(f, &b, "no face", STATUS_COLUMNS);
            buf_printf(&b, "%*s", ID_COLUMNS + NAME_COLUMNS + 18 + 6, "");
        } else {
            put_face(f, &b, json_array_get(faces, i));
        }
        if (i == 0)
            buf_printf(&b, "  %5.0f ms", json_num(json_object_get(event, "timing_ms"), "total"));
        put_line(f, &b);
    }
}

void feedback_note(struct feedback *f, const char *frame_name, const char *status, const char *text)
{
    _cleanup_(buf_done) struct buf b;
    char now[TIME_TEXT];
    buf_init(&b, 8 * KIB);
    time_format_iso(time_utc(), now);
    put_start(&b, now, frame_name);
    put_status(f, &b, status, STATUS_COLUMNS);
    buf_puts(&b, "  ");
    struct str s = str_from(text);
    text_fit(&b, s, text_columns(s), false);
    put_line(f, &b);
}

static void put_row(struct feedback *f, const json_t *student, const char *status, const char *at,
                    double similarity, const char *source)
{
    _cleanup_(buf_done) struct buf b;
    buf_init(&b, 8 * KIB);
    buf_puts(&b, "  ");
    text_fit(&b, str_from(json_text(student, "name")), NAME_COLUMNS, false);
    buf_puts(&b, "  ");
    text_fit(&b, str_from(json_text(student, "external_id")), ID_COLUMNS, false);
    buf_puts(&b, "  ");
    put_status(f, &b, status, 10);
    buf_puts(&b, "  ");
    if (at)
        put_clock(&b, at);
    else
        buf_puts(&b, "-       ");
    if (similarity > 0)
        buf_printf(&b, "    %12.3f  ", similarity);
    else
        buf_printf(&b, "    %12s  ", "-");
    text_fit(&b, str_from(source), 8, false);
    put_line(f, &b);
}

void feedback_table(struct feedback *f, const json_t *marks)
{
    size_t i;
    const json_t *item;
    fprintf(f->out, "  %-*s  %-*s  %-10s  %-10s  %12s  %s\n", NAME_COLUMNS, "name", ID_COLUMNS,
            "id", "status", "first seen", "similarity", "source");
    json_array_foreach(json_object_get(marks, "items"), i, item) put_row(
        f, json_object_get(item, "student"), json_text(item, "status"),
        json_text(item, "first_seen"), json_num(json_object_get(item, "receipt"), "similarity"),
        json_text(item, "source"));
    json_array_foreach(json_object_get(marks, "missing"), i, item)
        put_row(f, item, "missing", NULL, 0, "-");
    fflush(f->out);
}
