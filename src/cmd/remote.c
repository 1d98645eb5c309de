/* The running server, as the commands see it. See remote.h.
 *
 * Cost: one HTTP request a call. Thread: one per object. Invariant: whatever the server answers, a
 * failure becomes one sentence for a person; a token is never printed. */
#include "cmd/remote.h"

#include "base/file.h"
#include "base/mem.h"
#include "cmd/words.h"

#include <stdlib.h>

enum { REMOTE_URL_MAX = 512, SERVER_JSON_MAX = 64 * 1024, RETRY_AFTER_MAX_S = 30 };

struct remote {
    struct http_client *http;
    char url[REMOTE_URL_MAX];
    char *token;    /* owned; may be NULL */
    char *data_dir; /* owned; NULL unless address and token came from server.json there */
};

const char *json_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

double json_num(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

/* Reads DATA_DIR/server.json. Errors NOT_FOUND (no server runs here), CORRUPT. */
static enum err read_server_file(const char *data_dir, struct arena *a, json_t **ret_json,
                                 struct error *e)
{
    char *path = arena_printf(a, "%s/server.json", data_dir);
    struct str bytes;
    if (!path)
        return error_set(e, ERR_NOMEM, "out of memory");
    struct error inner = {.code = ERR_OK};
    enum err r = file_read(path, SERVER_JSON_MAX, a, &bytes, &inner);
    if (r == ERR_NOT_FOUND)
        return error_set(e, ERR_NOT_FOUND,
                         "no server is running here (no %.120s); start one with 'rollcall serve', "
                         "or name it with --server",
                         path);
    if (r)
        return error_set(e, r, "%s", inner.msg);
    *ret_json = json_loadb(bytes.p, bytes.n, 0, NULL);
    if (!json_is_object(*ret_json)) {
        json_decref(*ret_json);
        *ret_json = NULL;
        return error_set(e, ERR_CORRUPT, "%.160s is not what 'rollcall serve' writes", path);
    }
    return ERR_OK;
}

/* Copies the address without a '/' at its end. Errors INVALID. */
static enum err take_url(struct remote *r, const char *url, struct error *e)
{
    size_t n = strlen(url);
    while (n > 0 && url[n - 1] == '/')
        n--;
    if (n == 0 || n >= sizeof r->url)
        return error_set(e, ERR_INVALID, "the server's address is empty or too long");
    snprintf(r->url, sizeof r->url, "%.*s", (int)n, url);
    return ERR_OK;
}

/* Fills url, token and data_dir of r from the place and server.json. */
static enum err find_server(struct remote *r, const struct remote_place *place, struct arena *a,
                            struct error *e)
{
    json_t *file = NULL;
    enum err err = ERR_OK;
    if (!place->server || !place->token)
        err = read_server_file(place->data_dir, a, &file, place->server ? NULL : e);
    if (err && !place->server)
        return err;
    const char *here = json_text(file, "url");
    const char *token = place->token;
    err = take_url(r, place->server ? place->server : here, e);
    if (!token && strcmp(r->url, here) == 0)
        token = json_text(file, "token");
    if (token && token[0])
        r->token = mem_strdup(token);
    if (!place->server && !place->token)
        r->data_dir = mem_strdup(place->data_dir);
    json_decref(file);
    return err;
}

enum err remote_open(const struct remote_place *place, struct remote **ret_remote, struct error *e)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(MIB);
    _cleanup_(remote_closep) struct remote *r = mem_alloc(sizeof *r);
    if (!a || !r)
        return error_set(e, ERR_NOMEM, "out of memory");
    enum err err = find_server(r, place, a, e);
    if (err)
        return err;
    err = http_client_new(r->url, r->token, &r->http, e);
    if (err)
        return err;
    *ret_remote = TAKE(r);
    return ERR_OK;
}

enum err remote_copy(const struct remote *r, struct remote **ret_remote, struct error *e)
{
    _cleanup_(remote_closep) struct remote *copy = mem_alloc(sizeof *copy);
    if (!copy)
        return error_set(e, ERR_NOMEM, "out of memory");
    snprintf(copy->url, sizeof copy->url, "%s", r->url);
    copy->token = r->token ? mem_strdup(r->token) : NULL;
    copy->data_dir = r->data_dir ? mem_strdup(r->data_dir) : NULL;
    enum err err = http_client_new(copy->url, copy->token, &copy->http, e);
    if (err)
        return err;
    *ret_remote = TAKE(copy);
    return ERR_OK;
}

void remote_close(struct remote *r)
{
    if (!r)
        return;
    http_client_free(r->http);
    if (r->token)
        secure_free(r->token, strlen(r->token));
    mem_free(r->data_dir);
    mem_free(r);
}

bool remote_refresh(struct remote *r)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(MIB);
    const struct remote_place place = {.data_dir = r->data_dir};
    struct remote fresh = {.url = ""};
    if (!r->data_dir)
        return false;
    if (!a || find_server(&fresh, &place, a, NULL) != ERR_OK)
        return true; /* the server is away: its file will be back with it */
    bool same = strcmp(fresh.url, r->url) == 0 && fresh.token && r->token &&
                strcmp(fresh.token, r->token) == 0;
    if (!same && http_client_new(fresh.url, fresh.token, &fresh.http, NULL) == ERR_OK) {
        struct remote old = *r;
        *r = fresh;
        fresh = old;
    }
    http_client_free(fresh.http);
    if (fresh.token)
        secure_free(fresh.token, strlen(fresh.token));
    mem_free(fresh.data_dir);
    return true;
}

void remote_closep(struct remote **r) { remote_close(*r); }

const char *remote_url(const struct remote *r) { return r->url; }
const char *remote_token(const struct remote *r) { return r->token; }

/* The code that stands for a status the server sent. */
static enum err code_of_status(int status, const char *name)
{
    for (int i = 1; i < ERR_N; i++)
        if (strcmp(err_name((enum err)i), name) == 0)
            return (enum err)i;
    for (int i = 1; i < ERR_N; i++)
        if (err_http_status((enum err)i) == status)
            return (enum err)i;
    return status >= 500 ? ERR_UNAVAILABLE : ERR_INVALID;
}

static void append_fields(struct buf *b, const json_t *errors)
{
    size_t i;
    const json_t *item;
    json_array_foreach(errors, i, item) buf_printf(
        b, "%s%s: %s", i == 0 ? " (" : "; ", json_text(item, "field"), json_text(item, "message"));
    if (json_array_size(errors) > 0)
        buf_putc(b, ')');
}

enum err remote_problem(int status, const json_t *answer, struct error *e)
{
    const char *detail = json_text(answer, "detail"), *title = json_text(answer, "title");
    _cleanup_(buf_done) struct buf b;
    buf_init(&b, 4 * KIB);
    if (status == 401)
        buf_puts(&b, "the server does not accept this token (sign in again, or pass --token)");
    else if (detail[0] || title[0])
        buf_puts(&b, detail[0] ? detail : title);
    else
        buf_printf(&b, "the server answered with status %d", status);
    const json_t *errors = json_object_get(answer, "errors");
    const char *first = json_text(json_array_get(errors, 0), "message");
    if (json_array_size(errors) > 1 || !strstr(detail, first))
        append_fields(&b, errors);
    if (status >= 500 && json_text(answer, "request_id")[0])
        buf_printf(&b, " [request %s]", json_text(answer, "request_id"));
    return error_set(e, code_of_status(status, json_text(answer, "code")), "%.*s",
                     STR_ARGS(buf_str(&b)));
}

enum err remote_try(struct remote *r, struct arena *a, enum http_method method, const char *path,
                    const char *content_type, struct str body, int *ret_status, json_t **ret_answer,
                    struct error *e)
{
    struct str bytes = {0};
    enum err err =
        http_client_send(r->http, a, method, path, content_type, body, ret_status, &bytes, e);
    if (err)
        return err;
    *ret_answer = bytes.n > 0 ? json_loadb(bytes.p, bytes.n, 0, NULL) : NULL;
    return ERR_OK;
}

enum err remote_bytes(struct remote *r, struct arena *a, enum http_method method, const char *path,
                      const char *content_type, struct str body, json_t **ret_answer,
                      struct error *e)
{
    int status = 0;
    json_t *answer = NULL;
    enum err err = remote_try(r, a, method, path, content_type, body, &status, &answer, e);
    if (err)
        return err;
    if (status < 200 || status > 299) {
        err = remote_problem(status, answer, e);
        json_decref(answer);
        return err;
    }
    if (ret_answer)
        *ret_answer = answer;
    else
        json_decref(answer);
    return ERR_OK;
}

enum err remote_json(struct remote *r, struct arena *a, enum http_method method, const char *path,
                     json_t *body, json_t **ret_answer, struct error *e)
{
    struct str text = {0};
    if (body) {
        char *dumped = json_dumps(body, JSON_COMPACT);
        json_decref(body);
        text = dumped ? arena_copy(a, str_from(dumped)) : (struct str){0};
        free(dumped);
        if (!text.p)
            return error_set(e, ERR_NOMEM, "out of memory");
    }
    return remote_bytes(r, a, method, path, body ? "application/json" : NULL, text, ret_answer, e);
}

usec_t remote_retry_after(const struct remote *r, usec_t fallback)
{
    int64_t seconds = http_client_retry_after(r->http);
    if (seconds > RETRY_AFTER_MAX_S)
        seconds = RETRY_AFTER_MAX_S;
    return seconds > 0 ? seconds * USEC_PER_SEC : fallback;
}

enum err remote_each(struct remote *r, const char *path, const char *query, remote_item_fn fn,
                     void *ctx, struct error *e)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(32 * MIB);
    if (!a)
        return error_set(e, ERR_NOMEM, "out of memory");
    char after[512] = "";
    for (;;) {
        _cleanup_(buf_done) struct buf url;
        buf_init(&url, 8 * KIB);
        buf_printf(&url, "%s?limit=200%s%s", path, query[0] ? "&" : "", query);
        if (after[0]) {
            buf_puts(&url, "&after=");
            url_encode(&url, str_from(after));
        }
        json_t *page = NULL;
        enum err err = buf_check(&url, e);
        if (!err)
            err = remote_json(r, a, HTTP_GET, url.p, NULL, &page, e);
        if (err)
            return err;
        size_t i;
        const json_t *item;
        json_array_foreach(json_object_get(page, "items"), i, item)
        {
            err = fn(ctx, item, e);
            if (err)
                break;
        }
        snprintf(after, sizeof after, "%s", json_text(page, "next"));
        json_decref(page);
        arena_reset(a);
        if (err || !after[0])
            return err;
    }
}
