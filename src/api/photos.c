/* The photos of an upload: multipart/form-data, or one picture as the whole body. */
#include "api/handlers.h"

enum err photos_of_request(struct call *c, struct multipart *ret_parts, struct error *e)
{
    struct str type = http_header_get(c->req, "content-type");
    if (type.p && type.n >= 19 &&
        str_eq_nocase((struct str){type.p, 19}, STR("multipart/form-data"))) {
        struct multipart all;
        enum err r = multipart_parse(type, c->req->body, &all, e);
        if (r)
            return r;
        ret_parts->n = 0; /* form fields that are no files are passed over */
        for (int i = 0; i < all.n; i++)
            if (all.parts[i].filename.p || all.parts[i].type.p)
                ret_parts->parts[ret_parts->n++] = all.parts[i];
    } else if (type.p && type.n >= 6 && str_eq_nocase((struct str){type.p, 6}, STR("image/"))) {
        ret_parts->n = 1;
        ret_parts->parts[0] = (struct multipart_part){.type = type, .body = c->req->body};
    } else {
        return error_set(
            e, ERR_UNSUPPORTED,
            "send photos as multipart/form-data (curl -F photo=@FILE) or one as image/jpeg");
    }
    if (ret_parts->n == 0)
        return error_set(e, ERR_INVALID, "the request holds no photo (curl -F photo=@FILE)");
    return ERR_OK;
}
