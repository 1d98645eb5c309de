/* Identifiers: see id.h. 48 bits of milliseconds, 12 bits of counter, 62 random bits; the counter
 * and the clock never go back within a process (RFC 9562 section 6.2, method 1). Any thread. */
#include "base/id.h"

#include "base/time.h"

#include <pthread.h>
#include <stdio.h>

#include <sodium.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t last_tick; /* (milliseconds << 12) | counter, under lock */

static uint64_t next_tick(void)
{
    uint64_t now = (uint64_t)(time_utc() / USEC_PER_MSEC) << 12;
    pthread_mutex_lock(&lock);
    last_tick = now > last_tick ? now : last_tick + 1;
    uint64_t tick = last_tick;
    pthread_mutex_unlock(&lock);
    return tick;
}

void id_new(char text[static ID_TEXT])
{
    uint64_t tick = next_tick();
    uint64_t ms = tick >> 12;
    uint8_t r[8];
    randombytes_buf(r, sizeof r);
    snprintf(text, ID_TEXT, "%08x-%04x-7%03x-%02x%02x-%02x%02x%02x%02x%02x%02x",
             (unsigned)(ms >> 16), (unsigned)(ms & 0xFFFF), (unsigned)(tick & 0xFFF),
             (unsigned)((r[0] & 0x3F) | 0x80), r[1], r[2], r[3], r[4], r[5], r[6], r[7]);
}

enum err id_parse(struct str s, char ret_text[static ID_TEXT], struct error *e)
{
    char text[ID_TEXT] = {0};
    if (s.n != ID_TEXT - 1)
        return error_set(e, ERR_INVALID, "an id has 36 characters, this one has %zu", s.n);
    for (size_t i = 0; i < s.n; i++) {
        bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
        char c = s.p[i];
        if (c >= 'A' && c <= 'F')
            c = (char)(c - 'A' + 'a');
        bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        if (hyphen ? c != '-' : !hex)
            return error_set(e, ERR_INVALID,
                             "an id looks like 0198c5a2-7c1e-7d3a-8f00-2b1c9e4d5f60");
        text[i] = c;
    }
    memcpy(ret_text, text, ID_TEXT);
    return ERR_OK;
}
