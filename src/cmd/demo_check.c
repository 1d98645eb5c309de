/* Whether the demo's names are right. See demo_check.h. Pure counting. Thread: one. */
#include "cmd/demo_check.h"

/* The person whose photo is called `EXTERNAL_ID/NN`, or -1. */
static int person_of(const struct demo_check *c, const char *frame_name)
{
    const char *slash = strrchr(frame_name, '/');
    struct str id = {frame_name, slash ? (size_t)(slash - frame_name) : 0};
    for (int i = 0; i < c->n_people && slash; i++)
        if (str_is(id, c->people[i].external_id))
            return i;
    return -1;
}

static bool is_enrolled_status(const char *status)
{
    return strcmp(status, "present") == 0 || strcmp(status, "already_present") == 0 ||
           strcmp(status, "confirming") == 0;
}

/* What one picture said of a person: was the right student named with the right kind of status, and
 * was anybody else named? */
struct verdict {
    bool right, wrong;
};

static struct verdict judge(const json_t *faces, const char *student, bool outsider)
{
    struct verdict v = {0};
    size_t i;
    const json_t *face;
    json_array_foreach(faces, i, face)
    {
        const char *named = json_text(json_object_get(face, "student"), "id");
        const char *status = json_text(face, "status");
        if (!named[0])
            continue;
        bool fits = outsider ? strcmp(status, "not_enrolled") == 0 : is_enrolled_status(status);
        if (strcmp(named, student) == 0 && fits)
            v.right = true;
        else
            v.wrong = true;
    }
    return v;
}

static void judge_roster_photo(struct demo_check *c, int person, const json_t *faces)
{
    struct verdict v = judge(faces, c->people[person].student, false);
    c->roster_photos++;
    if (v.wrong)
        c->roster_wrong++;
    else if (v.right)
        c->roster_right++;
    else if (json_array_size(faces) == 0)
        c->roster_no_face++;
    else
        c->roster_unknown++;
}

static void judge_outsider_photo(struct demo_check *c, const json_t *faces)
{
    struct verdict v = judge(faces, c->people[c->outsider].student, true);
    c->outsider_photos++;
    if (v.wrong)
        c->outsider_wrong++;
    else if (v.right)
        c->outsider_right++;
    else
        c->outsider_unknown++;
}

void demo_check_result(void *ctx, const char *frame_name, const json_t *event)
{
    struct demo_check *c = ctx;
    const json_t *faces = json_object_get(event, "faces");
    int person = person_of(c, frame_name);
    if (strcmp(frame_name, DEMO_GROUP_NAME) == 0) {
        size_t i;
        const json_t *face;
        c->group_seen = true;
        c->strangers = (int)json_array_size(faces);
        json_array_foreach(faces, i, face) c->strangers_named +=
            json_text(json_object_get(face, "student"), "id")[0] != 0;
    } else if (strcmp(frame_name, DEMO_EMPTY_NAME) == 0) {
        c->empty_seen = true;
        c->empty_faces = (int)json_array_size(faces);
    } else if (person >= 0 && person == c->outsider) {
        judge_outsider_photo(c, faces);
    } else if (person >= 0) {
        judge_roster_photo(c, person, faces);
    }
}

bool demo_check_print(const struct demo_check *c, FILE *out)
{
    fprintf(out, "\nCheck\n  students on the roster   %d of %d photos named right", c->roster_right,
            c->roster_photos);
    fprintf(out, ", %d wrong, %d unknown", c->roster_wrong, c->roster_unknown);
    if (c->roster_no_face > 0)
        fprintf(out, ", %d without a face found", c->roster_no_face);
    fputc('\n', out);
    if (c->outsider >= 0)
        fprintf(out,
                "  %-23.23s  %d of %d photos not_enrolled (known here, not on this roster), %d "
                "wrong, %d unknown\n",
                c->people[c->outsider].name, c->outsider_right, c->outsider_photos,
                c->outsider_wrong, c->outsider_unknown);
    if (c->group_seen)
        fprintf(out, "  group of strangers       %d faces, %d of them unknown\n", c->strangers,
                c->strangers - c->strangers_named);
    if (c->empty_seen)
        fprintf(out, "  picture without a face   %s\n",
                c->empty_faces == 0 ? "no face found" : "something was taken for a face");
    if (c->lost > 0)
        fprintf(out, "  %d pictures had no result\n", c->lost);
    int wrong = c->roster_wrong + c->outsider_wrong + c->strangers_named;
    if (wrong > 0)
        fprintf(out, "  NOT GOOD: %d times somebody was given the name of somebody else\n", wrong);
    return wrong == 0 && c->lost == 0;
}
