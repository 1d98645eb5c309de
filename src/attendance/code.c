/* Codes of sessions: see code.h. Two hashes a check, no allocation, any thread.
 * The bytes hashed: "rollcall session code 1" 00 | session id (36), for the session's key; the step
 * as 64 bits little-endian under that key; the low 30 bits of the digest are the code. */
#include "attendance/code.h"

#include <sodium.h>

_Static_assert(MARK_CODE_KEY_BYTES == crypto_generichash_BYTES, "a digest is a key");

enum { BITS = 5, DASH_AT = 3 };

/* Keeps these hashes apart from every other use of the key; its NUL is hashed too. */
static const char domain[] = "rollcall session code 1";
static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

void mark_code_key(const uint8_t installation[static MARK_CODE_KEY_BYTES],
                   struct session_id session, uint8_t ret_key[static MARK_CODE_KEY_BYTES])
{
    crypto_generichash_state st;
    crypto_generichash_init(&st, installation, MARK_CODE_KEY_BYTES, MARK_CODE_KEY_BYTES);
    crypto_generichash_update(&st, (const uint8_t *)domain, sizeof domain);
    crypto_generichash_update(&st, (const uint8_t *)session.text, ID_TEXT - 1);
    crypto_generichash_final(&st, ret_key, MARK_CODE_KEY_BYTES);
    sodium_memzero(&st, sizeof st);
}

int64_t mark_code_step(usec_t now) { return now / MARK_CODE_STEP; }

usec_t mark_code_shown_until(int64_t step) { return (step + 1) * MARK_CODE_STEP; }

static void code_of(const uint8_t key[static MARK_CODE_KEY_BYTES], int64_t step,
                    char ret_code[static MARK_CODE_CHARS])
{
    uint8_t counter[8], digest[crypto_generichash_BYTES];
    for (int i = 0; i < 8; i++)
        counter[i] = (uint8_t)((uint64_t)step >> (8 * i));
    crypto_generichash(digest, sizeof digest, counter, sizeof counter, key, MARK_CODE_KEY_BYTES);
    uint32_t bits = (uint32_t)digest[0] | (uint32_t)digest[1] << 8 | (uint32_t)digest[2] << 16 |
                    (uint32_t)digest[3] << 24;
    for (int i = 0; i < MARK_CODE_CHARS; i++)
        ret_code[i] = alphabet[bits >> (BITS * i) & 31];
}

void mark_code_text(const uint8_t key[static MARK_CODE_KEY_BYTES], int64_t step,
                    char ret_text[static MARK_CODE_TEXT])
{
    char code[MARK_CODE_CHARS];
    code_of(key, step, code);
    memcpy(ret_text, code, DASH_AT);
    ret_text[DASH_AT] = '-';
    memcpy(ret_text + DASH_AT + 1, code + DASH_AT, MARK_CODE_CHARS - DASH_AT);
    ret_text[MARK_CODE_TEXT - 1] = 0;
}

/* The character that was meant; 0: none of ours. */
static char meant(char c)
{
    char upper = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
    if (upper == 'I' || upper == 'L')
        return '1';
    if (upper == 'O')
        return '0';
    return upper && strchr(alphabet, upper) ? upper : 0;
}

/* The six characters of what was typed; false: it has others, more or fewer. */
static bool read_code(struct str typed, char ret_code[static MARK_CODE_CHARS])
{
    int n = 0;
    for (size_t i = 0; i < typed.n; i++) {
        if (typed.p[i] == '-' || typed.p[i] == ' ')
            continue;
        char c = meant(typed.p[i]);
        if (!c || n == MARK_CODE_CHARS)
            return false;
        ret_code[n++] = c;
    }
    return n == MARK_CODE_CHARS;
}

bool mark_code_is(const uint8_t key[static MARK_CODE_KEY_BYTES], struct str typed, usec_t now,
                  int64_t *ret_step)
{
    char said[MARK_CODE_CHARS], newest[MARK_CODE_CHARS], before[MARK_CODE_CHARS];
    if (!read_code(typed, said))
        return false;
    int64_t step = mark_code_step(now);
    code_of(key, step, newest);
    code_of(key, step - 1, before);
    bool is_newest = sodium_memcmp(said, newest, sizeof said) == 0;
    bool is_before = sodium_memcmp(said, before, sizeof said) == 0;
    bool in_grace = now - step * MARK_CODE_STEP < MARK_CODE_GRACE;
    if (is_newest || (is_before && in_grace))
        *ret_step = is_newest ? step : step - 1;
    return is_newest || (is_before && in_grace);
}
