/* Answers lines "ZONE SECOND" with the local time (seconds, as base/tz.h counts them), or - for
 * what is no zone: test_time_zones.py compares. */
#include "base/tz.h"

#include <inttypes.h>
#include <stdio.h>

int main(void)
{
    char zone[TZ_NAME_MAX + 1];
    int64_t second = 0;
    while (scanf("%64s %" SCNd64, zone, &second) == 2) {
        usec_t local = 0;
        if (tz_to_local(str_from(zone), second * USEC_PER_SEC, &local, NULL))
            puts("-");
        else
            printf("%" PRId64 "\n", local / USEC_PER_SEC);
    }
    return 0;
}
