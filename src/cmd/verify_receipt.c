/* `rollcall verify-receipt`: did the installation sign this receipt of an erasure? Needs no server,
 * no database and no secret. Exit status 1 when it did not. Thread: main. */
#include "base/file.h"
#include "base/sign.h"
#include "cmd/args.h"
#include "cmd/cmd.h"

#include <jansson.h>

static const char about[] =
    "Checks the signature of a receipt, as the API gave it when a consent was withdrawn or a "
    "student\n"
    "deleted (GET /v1/erasures/{id}), and prints what was signed. Compare the key with the one "
    "that\n"
    "the institution publishes (rollcall verify-register prints it), or give it by --key.";

static const char examples[] = "  rollcall verify-receipt receipt.json\n"
                               "  rollcall verify-receipt --key 5f0c... receipt.json";

enum { RECEIPT_MAX = 64 * KIB };

static const char *member(const json_t *receipt, const char *name)
{
    const char *text = json_string_value(json_object_get(receipt, name));
    return text ? text : "";
}

/* Also what withdrawing answers, which has the receipt in it. */
static const json_t *receipt_of(const json_t *answer)
{
    const json_t *inner = json_object_get(answer, "erasure");
    return json_is_object(inner) ? inner : answer;
}

static int print_verdict(const json_t *receipt, const char *expected)
{
    const char *key = member(receipt, "public_key"), *statement = member(receipt, "statement");
    bool right = sign_check(str_from(expected ? expected : key), str_from(statement),
                            str_from(member(receipt, "signature")));
    printf("%s\n", statement);
    if (!right)
        printf("NOT VALID: this text was not signed by the key %s\n", expected ? expected : key);
    else if (expected)
        printf("valid: signed by the key you gave\n");
    else
        printf("valid, if %s is the institution's key\n", key);
    return right ? CMD_OK : CMD_FAILED;
}

int cmd_verify_receipt(int argc, char **argv)
{
    const char *key = NULL;
    const struct arg_option options[] = {{.name = "key",
                                          .metavar = "HEX",
                                          .ret = &key,
                                          .help = "the public key that must have signed it"}};
    const struct arg_spec spec = {.command = "verify-receipt",
                                  .synopsis = "[--key HEX] FILE",
                                  .about = about,
                                  .examples = examples,
                                  .options = options,
                                  .n_options = ARRAY_LEN(options),
                                  .min_positional = 1,
                                  .max_positional = 1};
    struct args args;
    struct error e = {.code = ERR_OK};
    struct str bytes;
    enum args_outcome outcome = args_parse(&spec, argc, argv, &args);
    if (outcome != ARGS_RUN)
        return args_status(outcome);
    _cleanup_(arena_freep) struct arena *a = arena_new(2 * RECEIPT_MAX);
    enum err r = a ? file_read(args.positional[0], RECEIPT_MAX, a, &bytes, &e)
                   : error_set(&e, ERR_NOMEM, "out of memory");
    json_t *answer = r ? NULL : json_loadb(bytes.p, bytes.n, JSON_REJECT_DUPLICATES, NULL);
    if (!r && !member(receipt_of(answer), "statement")[0])
        r = error_set(&e, ERR_INVALID, "%.160s is no receipt: it has no statement",
                      args.positional[0]);
    int status = r ? cmd_fail("verify-receipt", &e) : print_verdict(receipt_of(answer), key);
    json_decref(answer);
    return status;
}
