/* Photos of the whole class: pictures of 12 to 64 megapixels that are looked at in tiles, on the
 * bulk lane, so that they hold up no live frame and are never dropped for their age. Handler
 * threads. The promise of a 202 is that of frames.c. */
#include "api/frame_in.h"

/* Seconds of tiles, and those of the photos before; below http_idle_timeout_s. */
#define PHOTO_WAIT_MAX (45 * USEC_PER_SEC)

struct photo_out {
    char frame[ID_TEXT];
};

struct photos_out {
    struct photo_out *photos;
    int n;
};

static const struct field photo_fields[] = {
    FIELD_ID(struct photo_out, frame, FIELD_REQUIRED, "Its id, as in its frame_result."),
};
const struct schema class_photo_schema = SCHEMA("ClassPhoto", struct photo_out, photo_fields);
static const struct field photos_fields[] = {
    FIELD_LIST(struct photos_out, photos, n, &class_photo_schema, MULTIPART_PARTS_MAX,
               FIELD_REQUIRED, "Queued, in the order they were sent."),
};
const struct schema class_photos_schema =
    SCHEMA("ClassPhotosAccepted", struct photos_out, photos_fields);

static enum err check_photos(struct call *c, const struct multipart *parts, bool wait,
                             struct error *e)
{
    const struct config *cfg = c->api->env.config;
    if (parts->n > cfg->photos_max_per_request)
        return error_set(e, ERR_TOO_LARGE, "%d photos in one request, the limit is %lld", parts->n,
                         (long long)cfg->photos_max_per_request);
    if (wait && parts->n > 1)
        return error_set(e, ERR_INVALID, "wait=1 is for one photo, here are %d", parts->n);
    for (int i = 0; i < parts->n; i++) {
        const struct multipart_part *part = &parts->parts[i];
        if (part->body.n > (size_t)cfg->photo_max_bytes)
            return error_set(e, ERR_TOO_LARGE,
                             "photo %d has %zu bytes, the limit (photo_max_bytes) is %lld", i + 1,
                             part->body.n, (long long)cfg->photo_max_bytes);
        enum err r = frame_in_check(part->body, e);
        if (r)
            return error_wrap(e, r, "photo %d", i + 1);
    }
    return ERR_OK;
}

/* Those before a refused one stay queued; sent again under boot and seq they are the same. */
static enum err take_photos(struct call *c, struct frame_in *in, const struct multipart *parts,
                            struct error *e)
{
    void *memory;
    enum err r = call_alloc(c, sizeof(struct photos_out), &memory, e);
    struct photos_out *out = memory;
    if (r == ERR_OK)
        r = call_alloc(c, (size_t)parts->n * sizeof *out->photos, &memory, e);
    if (r)
        return r;
    *out = (struct photos_out){.photos = memory, .n = parts->n};
    for (int i = 0; i < parts->n; i++) {
        in->part = i;
        in->work.frame.image = parts->parts[i].body;
        r = frame_in_take(c, in, PHOTO_WAIT_MAX, e);
        if (r)
            return r;
        memcpy(out->photos[i].frame, in->work.frame.frame.text, ID_TEXT);
    }
    c->out = out;
    return ERR_OK;
}

enum err class_photos_create(struct call *c, struct error *e)
{
    struct frame_in in = {.work.frame.still = true};
    struct multipart parts;
    enum err r = call_id(c, 0, in.work.frame.session.text, e);
    if (r == ERR_OK)
        r = frame_in_read(c, &in, e);
    if (r == ERR_OK)
        r = frame_in_session(c, &in.work.frame, e);
    if (r == ERR_OK)
        r = photos_of_request(c, &parts, e);
    if (r == ERR_OK)
        r = check_photos(c, &parts, in.wait, e);
    return r ? r : take_photos(c, &in, &parts, e);
}
