/* The register's own history: GET /v1/register/verification. Handler threads; the answer takes a
 * pass over the whole register, so one is made at a time. */
#include "api/handlers.h"

#include <stdatomic.h>

enum { SENTENCES_MAX = 100, RETRY_S = 5 };

struct verification {
    bool intact;
    int64_t chains, events, marks, findings;
    struct str *sentences;
    int n_sentences;
    usec_t signed_at;
    struct str public_key;
};

static const struct field verification_fields[] = {
    FIELD_BOOL(struct verification, intact, FIELD_REQUIRED, "Nothing was found."),
    FIELD_INT(struct verification, chains, 0, 1e15, FIELD_REQUIRED, "Followed to their end."),
    FIELD_INT(struct verification, events, 0, 1e15, FIELD_REQUIRED, "Hashed again."),
    FIELD_INT(struct verification, marks, 0, 1e15, FIELD_REQUIRED, "Compared with the register."),
    FIELD_INT(struct verification, findings, 0, 1e15, FIELD_REQUIRED, "Things that are wrong."),
    FIELD_STRINGS(struct verification, sentences, n_sentences, SENTENCES_MAX, FIELD_REQUIRED,
                  "What was found, the first hundred."),
    FIELD_TIME(struct verification, signed_at, FIELD_NULLABLE,
               "When the signed heads that the chains were compared with were signed."),
    FIELD_STR(struct verification, public_key, 64, 64, FIELD_REQUIRED,
              "Ed25519 key that signs the register's heads, hexadecimal."),
};
const struct schema verification_schema =
    SCHEMA("RegisterVerification", struct verification, verification_fields);

struct telling {
    struct arena *a;
    struct verification *out;
};

static void on_finding(void *ctx, const char *text)
{
    struct telling *t = ctx;
    struct str copy = arena_copy(t->a, str_from(text));
    if (t->out->n_sentences < SENTENCES_MAX && copy.p)
        t->out->sentences[t->out->n_sentences++] = copy;
}

enum err register_verify(struct call *c, struct error *e)
{
    const struct api_env *env = &c->api->env;
    void *memory;
    enum err r = call_alloc(c, sizeof(struct verification), &memory, e);
    if (r)
        return r;
    struct verification *v = memory;
    struct telling telling = {.a = c->a, .out = v};
    struct register_report report;
    v->sentences = arena_array(c->a, SENTENCES_MAX, sizeof *v->sentences);
    if (!v->sentences)
        return error_set(e, ERR_NOMEM, "no memory for the answer");
    if (atomic_exchange(&c->api->checking_register, true)) {
        c->retry_after_s = RETRY_S;
        return error_set(e, ERR_UNAVAILABLE, "the register is being checked: try again soon");
    }
    r = env->register_check(env->register_ctx, on_finding, &telling, &report, e);
    atomic_store(&c->api->checking_register, false);
    if (r)
        return r;
    v->intact = report.findings == 0;
    v->chains = report.chains;
    v->events = report.events;
    v->marks = report.marks;
    v->findings = report.findings;
    v->signed_at = report.signed_at;
    v->public_key = arena_copy(c->a, str_from(report.public_key));
    if (!v->public_key.p)
        return error_set(e, ERR_NOMEM, "no memory for the answer");
    c->out = v;
    return ERR_OK;
}

enum err register_signed_show(struct call *c, struct error *e)
{
    const struct api_env *env = &c->api->env;
    c->raw_type = STR("text/plain; charset=utf-8");
    return env->register_signed(env->register_ctx, c->a, &c->raw_body, e);
}
