/* Fuzz target: an iCalendar file expanded into sittings. What comes out keeps the limits. */
#include "exchange/icalendar.h"

#include "base/day.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FUZZ_ARENA = 64 * MIB, EVENTS = 50, SITTINGS = 500 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(FUZZ_ARENA);
    const usec_t now = 20500 * USEC_PER_DAY;
    const struct icalendar_limits limits = {.events_max = EVENTS,
                                            .sittings_max = SITTINGS,
                                            .from = now,
                                            .to = now + 400 * USEC_PER_DAY};
    struct icalendar calendar = {0};
    struct error e = {0};
    if (!a || icalendar_read(a, (struct str){(const char *)data, size}, STR("Europe/Berlin"),
                             &limits, &calendar, &e))
        return 0;
    int n = 0;
    for (int i = 0; i < calendar.n; i++) {
        const struct icalendar_event *event = &calendar.events[i];
        if (event->uid.n > ICALENDAR_UID_MAX || !str_is_utf8(event->title))
            abort();
        for (int k = 0; k < event->n; k++, n++) {
            const struct icalendar_sitting *s = &event->sittings[k];
            if (s->end <= s->start || s->end - s->start > USEC_PER_DAY ||
                strlen(s->slot) != ICALENDAR_SLOT - 1)
                abort();
        }
    }
    if (calendar.n > EVENTS || n > SITTINGS)
        abort();
    return 0;
}
