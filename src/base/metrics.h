/* Counters: declared in one table that /metrics and the docs read.
 * Thread: any (relaxed atomics, one cache line each would be waste at these rates). */
#pragma once

#include "base/buf.h"

/* X(name, kind counter|gauge, help) -> rollcall_<name> */
#define METRIC_MAP(X)                                                                              \
    X(http_requests_total, counter, "HTTP requests answered.")                                     \
    X(http_errors_total, counter, "HTTP requests answered with a status of 400 or above.")         \
    X(http_streams_aborted_total, counter,                                                         \
      "Streamed answers given up: an error midway, or a client that went away or stopped "         \
      "reading.")                                                                                  \
    X(ws_peers, gauge, "WebSocket clients connected.")                                             \
    X(ws_dropped_total, counter, "Messages not sent to WebSocket clients that were too slow.")     \
    X(frames_accepted_total, counter, "Frames acknowledged with 202.")                             \
    X(frames_processed_total, counter, "Frames taken through the pipeline.")                       \
    X(frames_batched_total, counter, "Frames whose faces shared model runs with other frames.")    \
    X(frames_dropped_total, counter,                                                               \
      "Frames dropped: too old, over a camera's share, unreadable.")                               \
    X(frames_rejected_total, counter, "Frames refused because the queue was full.")                \
    X(faces_total, counter, "Faces found in frames.")                                              \
    X(faces_spoof_total, counter, "Faces that did not look alive, or failed a challenge.")         \
    X(marks_total, counter, "Marks committed.")                                                    \
    X(challenges_total, counter, "Liveness challenges begun.")                                     \
    X(challenges_passed_total, counter, "Liveness challenges passed.")                             \
    X(challenges_failed_total, counter, "Liveness challenges failed: too slow, wrong ...")         \
    X(audit_lost_total, counter, "Requests whose row in the audit trail could not be written.")    \
    X(jobs_failed_total, counter, "Jobs that ended in the dead-letter state.")                     \
    X(replica_reads_total, counter, "Reports and lists read from the replica.")                    \
    X(replica_fallbacks_total, counter,                                                            \
      "Reports and lists read from the primary because the replica is away or behind.")            \
    X(replica_lag_ms, gauge, "How old what the replica shows may be; -1: nothing is known of it.") \
    X(queue_items, gauge, "Frames waiting in the queue.")                                          \
    X(queue_bytes, gauge, "Bytes waiting in the queue.")                                           \
    X(gallery_templates, gauge, "Students in the gallery.")                                        \
    X(photos_processed_total, counter, "Enrolment photos given a verdict.")                        \
    X(memory_resident_bytes, gauge, "Physical memory of this process.")                            \
    X(memory_allocations_total, counter, "Times the program asked for heap memory.")               \
    X(schedule_runs_total, counter, "Runs of periodic jobs.")                                      \
    X(schedule_failures_total, counter, "Runs of periodic jobs that failed.")                      \
    X(schedule_last_run_ms, gauge, "How long the last run of a periodic job took.")                \
    X(sessions_started_total, counter, "Planned sessions started by the clock.")                   \
    X(sessions_closed_total, counter, "Planned sessions closed by the clock.")                     \
    X(loop_stalls_total, counter, "Times the event loop was blocked for more than 50 ms.")

enum metric {
#define X(name, kind, help) METRIC_##name,
    METRIC_MAP(X)
#undef X
};

void metric_add(enum metric m, int64_t n);
void metric_set(enum metric m, int64_t value);
int64_t metric_get(enum metric m);
/* All of them in the Prometheus text format, version 0.0.4. */
void metrics_print(struct buf *out);
