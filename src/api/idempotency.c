/* Idempotency-Key: a POST that is sent again is answered again, not carried out again
 * (draft-ietf-httpapi-idempotency-key-header-06: another body 422, still at work 409).
 *
 * The dispatcher claims the key between decoding and the handler, and keeps the answer behind it.
 * Answers may hold personal data, so they are sealed; the request is kept as a keyed fingerprint.
 * Routes whose answer is a secret keep none: a repeated request is told so. Errors of the server
 * give the key up, so that the retry is carried out. Handler threads; two transactions a request
 * with a key, none without. */
#include "api/internal.h"

#include "base/log.h"

enum { KEPT_BYTES_MAX = 64 * KIB, PLAIN_FIRST = 0x21, PLAIN_LAST = 0x7E };

bool idempotency_offered(const struct route *route)
{
    return route->method == HTTP_POST && route->perm != PERM_PUBLIC && route->body != BODY_IMAGE &&
           !(route->flags & ROUTE_UNAUDITED);
}

bool idempotency_wanted(const struct call *c, const struct route *route)
{
    return idempotency_offered(route) && http_header_get(c->req, "idempotency-key").p;
}

/* The key with or without the quotes of a structured field (RFC 8941). */
static enum err read_key(struct call *c, struct str *ret_key, struct error *e)
{
    struct str key = str_trim(http_header_get(c->req, "idempotency-key"));
    if (key.n >= 2 && key.p[0] == '"' && key.p[key.n - 1] == '"')
        key = (struct str){key.p + 1, key.n - 2};
    bool plain = key.n >= 1 && key.n <= IDEMPOTENCY_NAME_MAX;
    for (size_t i = 0; plain && i < key.n; i++)
        plain = key.p[i] >= PLAIN_FIRST && key.p[i] <= PLAIN_LAST;
    if (!plain)
        return error_set(e, ERR_INVALID,
                         "an Idempotency-Key has 1 to %d printable ASCII characters without spaces",
                         IDEMPOTENCY_NAME_MAX);
    *ret_key = key;
    return ERR_OK;
}

static enum err claim_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct call *c = ctx;
    return idempotency_claim(cx, c->a, &c->kept, &c->kept_before, &c->kept_claimed, e);
}

static struct str context_of(struct call *c)
{
    return str_from(arena_printf(c->a, "answer|%s|%.*s", c->who.user, STR_ARGS(c->kept.name)));
}

/* Location, ETag and type, a line each, then the body. */
static enum err replay(struct call *c, struct error *e)
{
    struct str plain, line[3] = {{0}};
    enum err r =
        unseal(&c->api->env.answer_key, c->a, context_of(c), c->kept_before.answer, &plain, e);
    for (size_t i = 0; r == ERR_OK && i < ARRAY_LEN(line); i++)
        str_split(&plain, '\n', &line[i]);
    if (r == ERR_OK)
        r = str_to_i64(line[1], &c->version, e);
    if (r)
        return r;
    c->status = (int)c->kept_before.status;
    c->replayed = true;
    if (line[0].n)
        c->location = line[0];
    if (plain.n) {
        c->raw_body = plain;
        c->raw_type = line[2];
    }
    return ERR_OK;
}

static enum err again(struct call *c, struct error *e)
{
    const struct idempotency *before = &c->kept_before;
    if (memcmp(before->request, c->kept.request, sizeof before->request) != 0)
        return error_set(e, ERR_UNPROCESSABLE,
                         "this Idempotency-Key was used for another request: take a new key");
    if (!before->status) {
        c->retry_after_s = 1;
        return error_set(e, ERR_CONFLICT,
                         "the first request with this Idempotency-Key is still at work: wait");
    }
    if (!before->answer.n)
        return error_set(e, ERR_CONFLICT,
                         "this request was carried out before, with status %d; its answer is not "
                         "kept (a secret, or too large): look the result up",
                         (int)before->status);
    return replay(c, e);
}

enum err idempotency_begin(struct call *c, struct error *e)
{
    const struct str parts[] = {str_from(http_method_name(c->req->method)), c->req->path,
                                c->req->query, c->req->body};
    c->kept.principal = str_from(c->who.user);
    c->kept.claimed_at = time_utc();
    enum err r = read_key(c, &c->kept.name, e);
    if (r)
        return r;
    seal_fingerprint(&c->api->env.answer_key, parts, ARRAY_LEN(parts), c->kept.request);
    r = db_tx(c->api->env.db, claim_fn, c, e);
    return r || c->kept_claimed ? r : again(c, e);
}

static enum err finish_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct call *c = ctx;
    return c->kept.status ? idempotency_finish(cx, &c->kept, e)
                          : idempotency_release(cx, &c->kept, e);
}

/* What a retry would be told, too; not what time or an administrator may change. */
static bool worth_keeping(const struct call *c, const struct error *problem)
{
    return !c->pending &&
           (!problem || (err_http_status(problem->code) < 500 && !err_retryable(problem->code) &&
                         problem->code != ERR_FORBIDDEN));
}

static enum err seal_answer(struct call *c, const struct http_response *res, struct error *e)
{
    struct str plain, location = c->location.p ? c->location : STR("");
    if (res->body.n > KEPT_BYTES_MAX - KIB || location.n > KIB / 2)
        return ERR_OK;
    char *head = arena_printf(c->a, "%.*s\n%lld\n%.*s\n", STR_ARGS(location), (long long)c->version,
                              STR_ARGS(res->content_type));
    size_t n = head ? strlen(head) : 0;
    char *text = head ? arena_alloc(c->a, n + res->body.n + 1) : NULL;
    if (!text)
        return error_set(e, ERR_NOMEM, "no memory to keep an answer");
    memcpy(text, head, n);
    if (res->body.n)
        memcpy(text + n, res->body.p, res->body.n);
    plain = (struct str){text, n + res->body.n};
    return seal(&c->api->env.answer_key, c->a, context_of(c), plain, &c->kept.answer, e);
}

void idempotency_end(struct call *c, const struct route *route, const struct error *problem,
                     const struct http_response *res)
{
    struct error e = {0};
    enum err r = ERR_OK;
    if (!c->kept_claimed)
        return;
    if (worth_keeping(c, problem)) {
        c->kept.status = res->status;
        if (!(route->flags & ROUTE_SECRET) || problem)
            r = seal_answer(c, res, &e);
    }
    if (r == ERR_OK)
        r = db_tx(c->api->env.db, finish_fn, c, &e);
    if (r)
        log_failure(LOG_WARN, "api", "answer_not_kept", &e);
}
