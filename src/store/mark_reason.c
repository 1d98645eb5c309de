/* Reasons in the register: sealed under the student's key, so that they can be erased and every
 * hash stays valid. The lower half of mark.h. A payload with one begins
 *
 *     {"event":"excuse","sealed_reason":"<base64>","status": ...
 *
 * Older ones, and what the program itself says, have "reason" in the clear. Sealing is the same
 * for the same text (seal_same): a request that is sent twice is told once. Any thread; no state.
 */
#include "base/schema.h"
#include "store/mark_row.h"

#include <string.h>

#include <sodium.h>

struct reason {
    struct str reason;
};

static const struct field reason_fields[] = {
    FIELD_STR(struct reason, reason, 0, 4096, FIELD_NULLABLE, "Why a person changed the mark."),
};
static const struct schema reason_schema = SCHEMA("Reason", struct reason, reason_fields);

#define CONTEXT STR("reason")
static const char marker[] = "\"sealed_reason\":\"";
enum { BASE64 = sodium_base64_VARIANT_ORIGINAL };

enum err mark_reason_print(struct arena *a, const struct mark_entry *entry, struct str *ret_json,
                           struct error *e)
{
    const struct reason why = {.reason = entry->reason};
    struct str sealed;
    if (!entry->reason_key)
        return schema_print(&reason_schema, &why, a, ret_json, e);
    enum err r = seal_same(entry->reason_key, a, CONTEXT, entry->reason, &sealed, e);
    if (r)
        return r;
    size_t n = sodium_base64_encoded_len(sealed.n, BASE64);
    char *text = arena_alloc(a, n);
    if (!text)
        return error_set(e, ERR_NOMEM, "no memory for a reason");
    sodium_bin2base64(text, n, (const unsigned char *)sealed.p, sealed.n, BASE64);
    const char *json = arena_printf(a, "{%s%s\"}", marker, text);
    if (!json)
        return error_set(e, ERR_NOMEM, "no memory for a reason");
    *ret_json = str_from(json);
    return ERR_OK;
}

/* p NULL: it does not open. */
static enum err open_reason(struct arena *a, const struct seal_key *key, struct str text,
                            struct str *ret_reason, struct error *e)
{
    size_t n = 0;
    unsigned char *sealed = arena_alloc(a, text.n + 1);
    *ret_reason = (struct str){0};
    if (!sealed)
        return error_set(e, ERR_NOMEM, "no memory for a reason");
    if (!key || sodium_base642bin(sealed, text.n, text.p, text.n, NULL, &n, NULL, BASE64))
        return ERR_OK;
    struct error closed;
    struct str bytes = {(const char *)sealed, n};
    enum err r = unseal(key, a, CONTEXT, bytes, ret_reason, &closed);
    if (r == ERR_CORRUPT)
        return ERR_OK;
    if (r && e)
        *e = closed;
    return r;
}

enum err mark_payload_open(struct arena *a, const struct seal_key *key, struct str payload,
                           struct str *ret_payload, struct error *e)
{
    const size_t skip = sizeof marker - 1;
    const char *end = payload.p + payload.n;
    const char *at = payload.n ? memmem(payload.p, payload.n, marker, skip) : NULL;
    const char *quote = at ? memchr(at + skip, '"', (size_t)(end - at) - skip) : NULL;
    struct reason why = {0};
    struct str json;
    *ret_payload = payload;
    if (!quote)
        return ERR_OK;
    struct str sealed = {at + skip, (size_t)(quote - at) - skip};
    enum err r = open_reason(a, key, sealed, &why.reason, e);
    if (r == ERR_OK)
        r = schema_print(&reason_schema, &why, a, &json, e);
    if (r)
        return r;
    struct str head = {payload.p, (size_t)(at - payload.p)};
    struct str tail = {quote + 1, (size_t)(end - quote) - 1};
    struct str member = {json.p + 1, json.n - 2};
    const char *text =
        arena_printf(a, "%.*s%.*s%.*s", STR_ARGS(head), STR_ARGS(member), STR_ARGS(tail));
    if (!text)
        return error_set(e, ERR_NOMEM, "no memory for an event");
    *ret_payload = str_from(text);
    return ERR_OK;
}
