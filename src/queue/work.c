/* Work items: see work.h. One copy of the image when packing, none when unpacking. */
#include "queue/work.h"

#include <stdio.h>

enum { WORK_MAGIC = 0x52435733 }; /* grows with the layout of struct head */

enum { FLAG_OFFLINE = 1, FLAG_STILL = 2 };

struct head {
    uint32_t magic, kind;
    int64_t captured_at, received_at;
    uint32_t flags, image_bytes; /* FLAG_... */
    char session[ID_TEXT], frame[ID_TEXT], camera[ID_TEXT], job[ID_TEXT], challenge[ID_TEXT];
};

enum err work_pack(struct arena *a, const struct work *w, struct str *ret_bytes, struct error *e)
{
    const struct work_frame *f = &w->frame;
    struct head h = {.magic = WORK_MAGIC,
                     .kind = (uint32_t)w->kind,
                     .captured_at = f->captured_at,
                     .received_at = f->received_at,
                     .flags = (f->offline ? FLAG_OFFLINE : 0u) | (f->still ? FLAG_STILL : 0u),
                     .image_bytes = (uint32_t)f->image.n};
    memcpy(h.session, f->session.text, ID_TEXT);
    memcpy(h.frame, f->frame.text, ID_TEXT);
    memcpy(h.camera, f->camera.text, ID_TEXT);
    memcpy(h.job, w->job, ID_TEXT);
    memcpy(h.challenge, f->challenge, ID_TEXT);
    char *p = arena_alloc(a, sizeof h + f->image.n);
    if (!p)
        return error_set(e, ERR_NOMEM, "no memory for a frame of %zu bytes", f->image.n);
    memcpy(p, &h, sizeof h);
    if (f->image.n)
        memcpy(p + sizeof h, f->image.p, f->image.n);
    *ret_bytes = (struct str){p, sizeof h + f->image.n};
    return ERR_OK;
}

static bool terminated(const char text[static ID_TEXT]) { return text[ID_TEXT - 1] == 0; }

enum err work_unpack(struct str bytes, struct work *ret_work, struct error *e)
{
    struct head h;
    if (bytes.n < sizeof h)
        return error_set(e, ERR_CORRUPT, "a work item has %zu bytes", bytes.n);
    memcpy(&h, bytes.p, sizeof h);
    bool known = h.kind == WORK_FRAME || h.kind == WORK_ENROL;
    if (h.magic != WORK_MAGIC || !known || h.image_bytes != bytes.n - sizeof h ||
        !terminated(h.session) || !terminated(h.frame) || !terminated(h.camera) ||
        !terminated(h.job) || !terminated(h.challenge))
        return error_set(e, ERR_CORRUPT, "a work item of another version or damaged");
    struct work w = {.kind = (enum work_kind)h.kind};
    w.frame.captured_at = h.captured_at;
    w.frame.received_at = h.received_at;
    w.frame.offline = (h.flags & FLAG_OFFLINE) != 0;
    w.frame.still = (h.flags & FLAG_STILL) != 0;
    w.frame.image = (struct str){bytes.p + sizeof h, h.image_bytes};
    memcpy(w.frame.session.text, h.session, ID_TEXT);
    memcpy(w.frame.frame.text, h.frame, ID_TEXT);
    memcpy(w.frame.camera.text, h.camera, ID_TEXT);
    memcpy(w.job, h.job, ID_TEXT);
    memcpy(w.frame.challenge, h.challenge, ID_TEXT);
    *ret_work = w;
    return ERR_OK;
}

void work_tag(const struct work_frame *f, char ret_tag[static WORK_TAG])
{
    snprintf(ret_tag, WORK_TAG, "%s%s", f->session.text, f->frame.text);
}

enum err work_tag_parse(struct str tag, struct session_id *ret_session, struct frame_id *ret_frame,
                        struct error *e)
{
    if (tag.n != WORK_TAG - 1)
        return error_set(e, ERR_CORRUPT, "a frame's tag has %zu bytes", tag.n);
    enum err r = id_parse((struct str){tag.p, ID_TEXT - 1}, ret_session->text, e);
    return r ? r : id_parse((struct str){tag.p + ID_TEXT - 1, ID_TEXT - 1}, ret_frame->text, e);
}
