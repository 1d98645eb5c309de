/* POST /v1/system/calibration: what `rollcall calibrate` does, where a server has the database.
 * Handler threads; it takes seconds (every template is opened and compared), so one is made at a
 * time. */
#include "api/handlers.h"

#include <stdatomic.h>

enum { LINES_MAX = 1000, REPORT_MAX = MIB, RETRY_S = 10 };

struct wish_in {
    bool apply, reset;
    struct str encoder;
};

static const struct field wish_fields[] = {
    FIELD_BOOL(struct wish_in, apply, 0, "Use the result from now on."),
    FIELD_BOOL(struct wish_in, reset, 0, "Go back to the tables that are shipped; not with apply."),
    FIELD_STR(struct wish_in, encoder, 1, 1024, 0, "Only templates of this one; else of each."),
};
const struct schema calibration_in_schema = SCHEMA("CalibrationWish", struct wish_in, wish_fields);

struct report_out {
    struct str *lines;
    int n_lines;
};

static const struct field report_fields[] = {
    FIELD_STRINGS(struct report_out, lines, n_lines, LINES_MAX, FIELD_REQUIRED,
                  "What was measured, as the command prints it."),
};
const struct schema calibration_schema =
    SCHEMA("CalibrationReport", struct report_out, report_fields);

static enum err split(struct call *c, struct str text, struct report_out *ret_report,
                      struct error *e)
{
    struct str rest = arena_copy(c->a, text), line;
    ret_report->lines = arena_array(c->a, LINES_MAX, sizeof *ret_report->lines);
    if (!ret_report->lines || (text.n && !rest.p))
        return error_set(e, ERR_NOMEM, "no memory for the answer");
    while (ret_report->n_lines < LINES_MAX && str_split(&rest, '\n', &line))
        if (line.n)
            ret_report->lines[ret_report->n_lines++] = line;
    return ERR_OK;
}

enum err calibration_run(struct call *c, struct error *e)
{
    const struct wish_in *in = c->in;
    const struct api_system *system = &c->api->env.system;
    const struct api_calibration wish = {
        .encoder = in->encoder.p, .apply = in->apply, .reset = in->reset};
    _cleanup_(buf_done) struct buf out;
    void *memory;
    buf_init(&out, REPORT_MAX);
    if (in->apply && in->reset)
        return error_set(e, ERR_INVALID, "apply and reset contradict each other");
    enum err r = call_alloc(c, sizeof(struct report_out), &memory, e);
    if (r)
        return r;
    if (atomic_exchange(&c->api->calibrating, true)) {
        c->retry_after_s = RETRY_S;
        return error_set(e, ERR_UNAVAILABLE, "a calibration is under way: try again soon");
    }
    r = system->calibrate(system->ctx, &wish, &out, e);
    atomic_store(&c->api->calibrating, false);
    if (!r)
        r = buf_check(&out, e);
    if (!r)
        r = split(c, buf_str(&out), memory, e);
    c->out = memory;
    return r;
}
