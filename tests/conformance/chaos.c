/* The generator and the dice of the chaos wrappers: see chaos.h. One atomic word, no lock. */
#include "chaos.h"

#include <time.h>

const struct chaos_rates chaos_rough = {
    .delay = 60, .lost_request = 40, .lost_reply = 40, .hold = 60, .repeat = 60, .drop = 40};

void chaos_init(struct chaos *c, uint64_t seed, const struct chaos_rates *rates)
{
    *c = (struct chaos){.rates = *rates, .delay_max = 2 * USEC_PER_MSEC, .state = seed};
}

uint64_t chaos_random(struct chaos *c)
{
    /* splitmix64 (Steele, Lea, Flood 2014): any counter makes a good generator. */
    uint64_t z = atomic_fetch_add(&c->state, 0x9e3779b97f4a7c15u) + 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

size_t chaos_below(struct chaos *c, size_t n) { return (size_t)(chaos_random(c) % n); }

bool chaos_strikes(struct chaos *c, unsigned rate)
{
    if (atomic_load(&c->calm) || rate == 0 || chaos_below(c, 1000) >= rate)
        return false;
    atomic_fetch_add(&c->misfortunes, 1);
    return true;
}

void chaos_delay(struct chaos *c)
{
    if (!chaos_strikes(c, c->rates.delay))
        return;
    usec_t length = (usec_t)chaos_below(c, (size_t)c->delay_max + 1);
    nanosleep(&(struct timespec){.tv_sec = 0, .tv_nsec = length * 1000}, NULL);
}
