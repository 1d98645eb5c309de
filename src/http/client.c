/* HTTP client of the command-line tools: one libcurl handle, one request at a time, blocking.
 *
 * Redirects are not followed and only http and https are spoken, so the token goes where the user
 * said and nowhere else. Errors are sentences for the person at the terminal. Thread: one per
 * object. */
#include "http/client.h"

#include "base/buf.h"
#include "base/mem.h"
#include "http/client_url.h"

#include <pthread.h>

#include <curl/curl.h>

enum {
    CONNECT_MS = 5000,
    STALL_BYTES = 1, /* slower than this for STALL_SECONDS ends the request */
    STALL_SECONDS = 60,
};
#define ANSWER_MAX ((size_t)256 * MIB)

struct http_client {
    CURL *curl;
    char *base_url, *token; /* owned; token may be NULL */
    char reason[CURL_ERROR_SIZE];
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_ready = CURLE_FAILED_INIT;

static void curl_start(void) { curl_ready = curl_global_init(CURL_GLOBAL_DEFAULT); }

static enum err url_fill(CURLU *u, const char *base_url, struct client_url *out, struct error *e)
{
    char *scheme = NULL, *host = NULL, *port = NULL, *path = NULL;
    int64_t number = 0;
    bool ok = !curl_url_set(u, CURLUPART_URL, base_url, 0) &&
              !curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) &&
              !curl_url_get(u, CURLUPART_HOST, &host, 0) &&
              !curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) &&
              !curl_url_get(u, CURLUPART_PATH, &path, 0) &&
              (str_is(str_from(scheme), "http") || str_is(str_from(scheme), "https")) &&
              str_is(str_from(path), "/") && strlen(host) < sizeof out->host &&
              !str_to_i64(str_from(port), &number, NULL);
    if (ok) {
        bool bracket = host[0] == '['; /* an IPv6 address */
        snprintf(out->host, sizeof out->host, "%s", host + bracket);
        if (bracket && strlen(out->host))
            out->host[strlen(out->host) - 1] = 0;
        out->port = (int)number;
        out->tls = str_is(str_from(scheme), "https");
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_free(path);
    return ok ? ERR_OK
              : error_set(e, ERR_INVALID,
                          "'%s' is not a server's address such as http://127.0.0.1:8080", base_url);
}

enum err client_url_read(const char *base_url, struct client_url *ret_url, struct error *e)
{
    CURLU *u = curl_url();
    if (!u)
        return error_set(e, ERR_NOMEM, "no memory for the address");
    enum err r = url_fill(u, base_url, ret_url, e);
    curl_url_cleanup(u);
    return r;
}

enum err client_unreachable(const char *base_url, struct error *e)
{
    return error_set(e, ERR_UNAVAILABLE,
                     "nothing answers at %s: start it with `rollcall serve`, or give its address",
                     base_url);
}

static bool token_ok(const char *token)
{
    for (const char *p = token; p && *p; p++) {
        if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7f)
            return false;
    }
    return true;
}

enum err http_client_new(const char *base_url, const char *token, struct http_client **ret_client,
                         struct error *e)
{
    struct client_url parts;
    pthread_once(&curl_once, curl_start);
    if (curl_ready)
        return error_set(e, ERR_UNAVAILABLE, "libcurl cannot start");
    enum err r = client_url_read(base_url, &parts, e);
    if (r)
        return r;
    if (!token_ok(token))
        return error_set(e, ERR_INVALID, "the token has characters that tokens do not have");
    struct http_client *c = mem_alloc(sizeof *c);
    if (!c)
        return error_set(e, ERR_NOMEM, "no memory for the client");
    c->curl = curl_easy_init();
    c->base_url = mem_strdup(base_url);
    c->token = token ? mem_strdup(token) : NULL;
    if (!c->curl || !c->base_url || (token && !c->token)) {
        http_client_free(c);
        return error_set(e, ERR_NOMEM, "no memory for the client");
    }
    size_t n = strlen(c->base_url);
    if (n && c->base_url[n - 1] == '/')
        c->base_url[n - 1] = 0;
    *ret_client = c;
    return ERR_OK;
}

void http_client_free(struct http_client *c)
{
    if (!c)
        return;
    if (c->curl)
        curl_easy_cleanup(c->curl);
    mem_free(c->base_url);
    secure_free(c->token, c->token ? strlen(c->token) : 0);
    mem_free(c);
}

static size_t on_answer(char *bytes, size_t one, size_t n, void *ctx)
{
    struct buf *answer = ctx;
    buf_append(answer, (struct str){bytes, one * n});
    return answer->failed ? 0 : one * n;
}

/* Appends a header; NULL (and all freed) when memory is out. */
static struct curl_slist *header_add(struct curl_slist *list, const char *name, const char *value)
{
    struct buf line;
    buf_init(&line, 16 * KIB);
    buf_printf(&line, "%s%s", name, value);
    struct curl_slist *longer = line.failed ? NULL : curl_slist_append(list, line.p);
    buf_done(&line);
    if (!longer)
        curl_slist_free_all(list);
    return longer;
}

static struct curl_slist *headers_new(const struct http_client *c, const char *content_type)
{
    struct curl_slist *list = header_add(NULL, "Expect:", ""); /* no wait for 100 Continue */
    if (list && c->token)
        list = header_add(list, "Authorization: Bearer ", c->token);
    if (list)
        list = header_add(list, "Content-Type:", content_type ? content_type : "");
    return list;
}

static void request_set(struct http_client *c, enum http_method method, const char *url,
                        struct str body, struct curl_slist *headers, struct buf *answer)
{
    CURL *h = c->curl;
    curl_easy_reset(h); /* keeps the connection */
    c->reason[0] = 0;
    curl_easy_setopt(h, CURLOPT_URL, url);
    curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(h, CURLOPT_LOW_SPEED_LIMIT, (long)STALL_BYTES);
    curl_easy_setopt(h, CURLOPT_LOW_SPEED_TIME, (long)STALL_SECONDS);
    curl_easy_setopt(h, CURLOPT_USERAGENT, "rollcall/" ROLLCALL_VERSION);
    curl_easy_setopt(h, CURLOPT_ERRORBUFFER, c->reason);
    curl_easy_setopt(h, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, answer);
    if (method != HTTP_GET) {
        curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.n);
        curl_easy_setopt(h, CURLOPT_POSTFIELDS, body.n ? body.p : "");
        curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, http_method_name(method));
    }
}

static enum err failure(const struct http_client *c, CURLcode code, const struct buf *answer,
                        struct error *e)
{
    if (answer->failed)
        return error_set(e, ERR_NOMEM, "the answer of %s is too large", c->base_url);
    if (code == CURLE_COULDNT_CONNECT)
        return client_unreachable(c->base_url, e);
    if (code == CURLE_COULDNT_RESOLVE_HOST)
        return error_set(e, ERR_UNAVAILABLE, "the name in %s is not known: check the address",
                         c->base_url);
    if (code == CURLE_OPERATION_TIMEDOUT)
        return error_set(e, ERR_TIMEOUT, "%s does not answer in time", c->base_url);
    if (code == CURLE_PEER_FAILED_VERIFICATION)
        return error_set(e, ERR_UNAVAILABLE, "the certificate of %s is not trusted: %s",
                         c->base_url, c->reason);
    return error_set(e, ERR_UNAVAILABLE, "no answer from %s: %s", c->base_url,
                     c->reason[0] ? c->reason : curl_easy_strerror(code));
}

enum err http_client_send(struct http_client *c, struct arena *a, enum http_method method,
                          const char *path, const char *content_type, struct str body,
                          int *ret_status, struct str *ret_body, struct error *e)
{
    if (method == HTTP_OTHER || path[0] != '/')
        return error_set(e, ERR_INVALID,
                         "a request needs a method and a path that begins with '/'");
    const char *url = arena_printf(a, "%s%s", c->base_url, path);
    struct curl_slist *headers = headers_new(c, content_type);
    if (!url || !headers) {
        curl_slist_free_all(headers);
        return error_set(e, ERR_NOMEM, "no memory for the request");
    }
    _cleanup_(buf_done) struct buf answer;
    buf_init(&answer, ANSWER_MAX);
    request_set(c, method, url, body, headers, &answer);
    CURLcode code = curl_easy_perform(c->curl);
    curl_slist_free_all(headers);
    if (code)
        return failure(c, code, &answer, e);
    long status = 0;
    curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
    struct str copy = arena_copy(a, buf_str(&answer));
    if (!copy.p)
        return error_set(e, ERR_NOMEM, "the answer of %zu bytes does not fit", answer.n);
    *ret_status = (int)status;
    *ret_body = copy;
    return ERR_OK;
}

int64_t http_client_retry_after(const struct http_client *c)
{
    curl_off_t seconds = 0;
    if (curl_easy_getinfo(c->curl, CURLINFO_RETRY_AFTER, &seconds) != CURLE_OK || seconds < 0)
        return 0;
    return seconds;
}
