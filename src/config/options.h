/* Every option of Rollcall, one row each: the file's key, the environment variable, the flag,
 * --help, docs/config.md and the field of struct config all come from here.
 *
 *     OPT(name, type, flags, default, min, max, unit, help)      GROUP(title) opens a section
 *
 * type   INT, REAL, SIZE (bytes; K, M, G accepted), BOOL, STRING, ENUM, CHOICE (an ENUM kept as
 *        text, of whose choices one that ends in :FILE takes any text behind the colon)
 * flags  RELOAD_NO, RELOAD_YES (takes effect without a restart), SECRET (never shown)
 * default  as text, read like any other source
 * min, max  of the number; of the bytes of a STRING or CHOICE; unused by BOOL and ENUM
 * unit   of the number or what a STRING is; the choices of an ENUM or CHOICE, "a|b|c" */
#pragma once

#define OPTIONS(OPT, GROUP)                                                                        \
    GROUP("Server")                                                                                \
    OPT(http_bind, STRING, RELOAD_NO, "127.0.0.1", 1, 255, "address",                              \
        "Address to listen on. The default serves this machine alone.")                            \
    OPT(http_port, INT, RELOAD_NO, "8080", 0, 65535, "port",                                       \
        "TCP port to listen on; 0 takes any free one and prints it.")                              \
    OPT(http_threads, INT, RELOAD_NO, "4", 1, 256, "threads",                                      \
        "Threads that run request handlers, beside the one event loop.")                           \
    OPT(http_max_body_bytes, SIZE, RELOAD_NO, "33554432", 1024, 1073741824, "bytes",               \
        "Largest request body; a larger one is answered 413.")                                     \
    OPT(http_max_connections, INT, RELOAD_NO, "1024", 8, 100000, "connections",                    \
        "Connections open at once; more are refused.")                                             \
    OPT(http_idle_timeout_s, INT, RELOAD_NO, "60", 1, 3600, "seconds",                             \
        "A connection on which nothing moves for this long is closed.")                            \
    OPT(http_access_log, BOOL, RELOAD_YES, "false", 0, 0, "",                                      \
        "One log line a request: method, route, status, time; never a name.")                      \
    OPT(ws_max_peers, INT, RELOAD_NO, "1000", 1, 100000, "peers", "WebSocket clients at once.")    \
    OPT(ws_queue_messages, INT, RELOAD_NO, "256", 8, 65536, "messages",                            \
        "Messages kept for a slow WebSocket client before frame results are dropped for it.")      \
    OPT(shutdown_timeout_s, INT, RELOAD_NO, "20", 1, 600, "seconds",                               \
        "How long a stop waits for running jobs and requests.")                                    \
    OPT(log_level, ENUM, RELOAD_YES, "info", 0, 0, "error|warn|info|debug",                        \
        "Log lines below this level are dropped.")                                                 \
    GROUP("Storage")                                                                               \
    OPT(data_dir, STRING, RELOAD_NO, "data", 1, 1024, "folder",                                    \
        "Where the database, keys, models and offline frames live.")                               \
    OPT(models_dir, STRING, RELOAD_NO, "", 0, 1024, "folder",                                      \
        "Folder of the model files; empty = models in data_dir.")                                  \
    OPT(database, STRING, RELOAD_NO, "sqlite:", 0, 2048, "URL",                                    \
        "sqlite: is rollcall.db in data_dir, sqlite:PATH another file; "                           \
        "postgresql://USER:PASSWORD@HOST/DATABASE is a PostgreSQL server, 15 or newer.")           \
    OPT(database_connections, INT, RELOAD_NO, "16", 2, 256, "connections",                         \
        "Connections to PostgreSQL at most; SQLite has none.")                                     \
    OPT(database_replica, STRING, SECRET, "", 0, 2048, "URL",                                      \
        "postgresql://... of ONE streaming replica of `database`, for reports and lists; empty = " \
        "none.")                                                                                   \
    OPT(database_replica_max_lag_ms, INT, RELOAD_NO, "2000", 100, 600000, "milliseconds",          \
        "How old what the replica shows may be. Beyond it the primary is read, and so is who "     \
        "changed something within that time.")                                                     \
    OPT(store_readers, INT, RELOAD_NO, "4", 1, 64, "threads",                                      \
        "Threads that read the database, beside the one that writes.")                             \
    OPT(keystore, STRING, SECRET, "", 0, 2048, "URL",                                              \
        "Where the students' keys lie: empty = keys.db in data_dir; "                              \
        "postgresql://USER:PASSWORD@HOST/DATABASE is another database than the one above, "        \
        "outside its backups.")                                                                    \
    OPT(installation_key, STRING, SECRET, "", 0, 64, "64 hexadecimal digits",                      \
        "Key of the register and of all sealed data; empty = the key file in data_dir, made at "   \
        "the first start.")                                                                        \
    GROUP("Recognition")                                                                           \
    OPT(workers, INT, RELOAD_NO, "0", 0, 1024, "threads",                                          \
        "Recognition workers; 0 = as many as processor cores.")                                    \
    OPT(inference_threads, INT, RELOAD_NO, "1", 1, 256, "threads",                                 \
        "Threads inside one model run; on processors 1 and more workers is faster.")               \
    OPT(batch_faces_max, INT, RELOAD_NO, "16", 1, 64, "faces", "Faces embedded in one model run.") \
    OPT(batch_frames_max, INT, RELOAD_NO, "8", 1, 64, "frames",                                    \
        "Frames whose faces share model runs: of those already waiting, a worker takes its fair "  \
        "share, and never waits for more.")                                                        \
    OPT(detector, ENUM, RELOAD_NO, "auto", 0, 0, "auto|yunet|retinaface|mtcnn",                    \
        "Face detector; auto = YuNet where installed, else RetinaFace.")                           \
    OPT(mtcnn_min_face_px, INT, RELOAD_NO, "20", 12, 1024, "pixels",                               \
        "Smallest face the detector mtcnn looks for, after shrinking; 40 is twice as fast.")       \
    OPT(encoder, CHOICE, RELOAD_NO, "facenet128", 1, 1024,                                         \
        "facenet128|facenet512|dlib128|omz0095|sface|onnx:FILE",                                   \
        "Face encoder; templates belong to one encoder. models/README.md says which have "         \
        "measured thresholds with which detector. onnx:FILE.onnx is one of your own, described "   \
        "by FILE.ini beside it (docs/models.md).")                                                 \
    OPT(flip, BOOL, RELOAD_NO, "false", 0, 0, "",                                                  \
        "Embed each face with its mirror image and keep the mean: twice the work. Its templates "  \
        "are a kind of their own, for which no false-match table ships.")                          \
    OPT(detector_long_side, INT, RELOAD_YES, "640", 64, 4096, "pixels",                            \
        "Pictures are shrunk to this long side for detection.")                                    \
    OPT(detector_min_confidence, REAL, RELOAD_YES, "0.6", 0.05, 0.99, "confidence",                \
        "Faces the detector is less sure of are not reported.")                                    \
    OPT(contrast, ENUM, RELOAD_NO, "auto", 0, 0, "off|clahe|auto",                                 \
        "Contrast of what the detector sees; clahe evens it out, auto tries that again on dark "   \
        "pictures and on those without a face. The encoder gets the original.")                    \
    OPT(face_min_px, INT, RELOAD_YES, "28", 8, 1024, "pixels",                                     \
        "Narrower faces are low_quality; below 28 recognition falls off steeply.")                 \
    OPT(shadow_share, REAL, RELOAD_NO, "0.25", 0, 1, "part of the frames",                         \
        "While `rollcall models switch` tries another engine: frames that it sees, too. Each "     \
        "costs the work of one more frame, after its result is out.")                              \
    OPT(gallery_rebuild_s, INT, RELOAD_NO, "300", 1, 86400, "seconds",                             \
        "How often a worker reads all templates anew, in case word of a change was lost.")         \
    OPT(device, ENUM, RELOAD_NO, "auto", 0, 0, "auto|cpu|openvino|cuda|tensorrt",                  \
        "What the encoder runs on; auto = OpenVINO where it is installed and faster, else the "    \
        "processor. What is asked for and missing is an error.")                                   \
    OPT(precision, ENUM, RELOAD_NO, "auto", 0, 0, "auto|fp32|f16|bf16|int8",                       \
        "Arithmetic of the encoder; auto = the fastest that decides as fp32 does. int8 needs "     \
        "tools/setup.sh int8.")                                                                    \
    OPT(liveness, ENUM, RELOAD_NO, "auto", 0, 0, "auto|off|report|enforce",                        \
        "Whether faces must look alive: report shows and counts, enforce makes them a spoof, "     \
        "which never leads to a mark; auto = report where the models are installed, else off.")    \
    OPT(liveness_threshold, REAL, RELOAD_NO, "0.7", 0, 1, "score",                                 \
        "Faces whose score, averaged over their sightings, is below this do not look alive.")      \
    OPT(liveness_window_s, INT, RELOAD_NO, "10", 1, 3600, "seconds",                               \
        "Sightings older than this before the newest leave that average.")                         \
    GROUP("Pictures")                                                                              \
    OPT(image_max_pixels, INT, RELOAD_YES, "16000000", 10000, 1000000000, "pixels",                \
        "Largest camera frame, width x height.")                                                   \
    OPT(photo_max_pixels, INT, RELOAD_YES, "64000000", 10000, 1000000000, "pixels",                \
        "Largest enrolment or class photo, width x height.")                                       \
    OPT(frame_max_bytes, SIZE, RELOAD_YES, "8388608", 1024, 1073741824, "bytes",                   \
        "Largest camera frame as a file.")                                                         \
    OPT(photo_max_bytes, SIZE, RELOAD_YES, "33554432", 1024, 1073741824, "bytes",                  \
        "Largest photo as a file.")                                                                \
    OPT(photos_max_per_request, INT, RELOAD_YES, "50", 1, 1000, "photos",                          \
        "Photos in one enrolment request.")                                                        \
    GROUP("Queue")                                                                                 \
    OPT(queue_max_items, INT, RELOAD_NO, "2000", 1, 1000000, "jobs",                               \
        "Frames waiting at most; then posts are answered 503 with Retry-After.")                   \
    OPT(queue_max_bytes, SIZE, RELOAD_NO, "536870912", 1048576, 1099511627776, "bytes",            \
        "Bytes of frames waiting at most.")                                                        \
    OPT(queue_camera_share, INT, RELOAD_NO, "200", 1, 1000000, "frames",                           \
        "Live frames of one camera waiting at most; beyond it the oldest is dropped.")             \
    OPT(frame_ttl_ms, INT, RELOAD_YES, "10000", 100, 3600000, "ms",                                \
        "A live frame that waited longer is dropped.")                                             \
    OPT(job_lease_ms, INT, RELOAD_NO, "30000", 1000, 3600000, "ms",                                \
        "A worker that does not renew its claim for this long loses the job.")                     \
    OPT(job_max_tries, INT, RELOAD_NO, "5", 1, 100, "tries",                                       \
        "A job that failed this often goes to the dead letters.")                                  \
    OPT(offline_grace_days, INT, RELOAD_YES, "7", 0, 365, "days",                                  \
        "Frames captured offline are accepted this long after the session's end.")                 \
    GROUP("Attendance")                                                                            \
    OPT(risk_budget_per_10k, REAL, RELOAD_YES, "30", 0.1, 1000, "sightings in 10,000",             \
        "Chance that a sighting of a person who is not enrolled gets a name; the score needed "    \
        "follows from it.")                                                                        \
    OPT(class_photo_risk_budget_per_10k, REAL, RELOAD_YES, "10", 0.1, 1000, "sightings in 10,000", \
        "The same for photos of the whole class, where one sighting makes a mark and nobody "      \
        "looks again.")                                                                            \
    OPT(threshold_override, REAL, RELOAD_YES, "0", 0, 1, "cosine",                                 \
        "A fixed score needed instead of the derived one; 0 = derived.")                           \
    OPT(challenge_steps, ENUM, RELOAD_YES, "turns", 0, 0, "turns|turns_and_blink",                 \
        "What a liveness challenge asks for; what is known of blinks: docs/recognition.md.")       \
    OPT(match_margin, REAL, RELOAD_YES, "0.03", 0, 1, "cosine",                                    \
        "How much better than the second best student the best must be; guards look-alikes.")      \
    OPT(hub_correction, ENUM, RELOAD_YES, "auto", 0, 0, "auto|off|on",                             \
        "Takes off a score how near the student's template is to everybody. auto: from 150 "       \
        "students on, where rollcall calibrate has shown that it finds more of them.")             \
    OPT(confirmations, INT, RELOAD_YES, "2", 1, 100, "sightings",                                  \
        "Sightings a mark needs in live video; a still photo needs one.")                          \
    OPT(confirm_gap_ms, INT, RELOAD_YES, "300", 0, 3600000, "ms",                                  \
        "Two sightings count when at least this far apart.")                                       \
    OPT(confirm_window_s, INT, RELOAD_YES, "120", 1, 86400, "seconds",                             \
        "Older sightings no longer count.")                                                        \
    OPT(late_after_min, INT, RELOAD_YES, "10", 0, 1440, "minutes",                                 \
        "Seen later than this after the start = late; 0 = never late.")                            \
    OPT(cache_ttl_s, INT, RELOAD_YES, "30", 1, 3600, "seconds",                                    \
        "Longest time a changed roster or policy may go unnoticed.")                               \
    GROUP("Enrolment")                                                                             \
    OPT(duplicate_score, REAL, RELOAD_NO, "0", 0, 1, "cosine",                                     \
        "A photo this like another student is refused as duplicate_of; 0 = derived from a tenth "  \
        "of the risk budget, 1 = never.")                                                          \
    OPT(look_alike_score, REAL, RELOAD_NO, "0", 0, 1, "cosine",                                    \
        "Two students whose templates are this alike are a look-alike pair; 0 = derived from the " \
        "risk budget, 1 = never.")                                                                 \
    OPT(look_alike_margin, REAL, RELOAD_NO, "0.08", 0, 1, "cosine",                                \
        "How much better than the other one of its look-alike pair a student must be; "            \
        "match_margin "                                                                            \
        "where that is more.")                                                                     \
    OPT(augment, STRING, RELOAD_NO, "", 0, 64, "kinds",                                            \
        "Pictures made of each enrolment photo for its template: a list of rotate, brightness, "   \
        "contrast, blur, flip. Empty = none: nothing was gained (docs/recognition.md).")           \
    OPT(enrol_liveness, BOOL, RELOAD_NO, "false", 0, 0, "",                                        \
        "Refuse enrolment photos below liveness_threshold as spoof, where liveness is measured; "  \
        "for photos taken on the spot, as ordinary ones are no live captures.")                    \
    OPT(templates_max, INT, RELOAD_NO, "12", 1, 100, "photos",                                     \
        "Photos behind a student's template; a further one takes the place of the worst of those " \
        "older than a year, else of the worst.")                                                   \
    OPT(template_max_age_days, INT, RELOAD_YES, "1095", 0, 36500, "days",                          \
        "Students whose newest photo is older are listed as stale; 0 = never.")                    \
    GROUP("Scheduler")                                                                             \
    OPT(sessions_auto, BOOL, RELOAD_NO, "true", 0, 0, "",                                          \
        "Sessions with a planned start and end start and stop by themselves; what a person does "  \
        "by hand stands.")                                                                         \
    OPT(session_stop_grace_s, INT, RELOAD_NO, "300", 0, 86400, "seconds",                          \
        "A planned session is closed this long after its planned end.")                            \
    OPT(schedule_sessions_s, INT, RELOAD_NO, "5", 1, 3600, "seconds",                              \
        "How often planned sessions are looked at.")                                               \
    OPT(schedule_absences_s, INT, RELOAD_NO, "300", 1, 86400, "seconds",                           \
        "How often closed sessions are looked at for absences that are missing.")                  \
    OPT(schedule_timetable_s, INT, RELOAD_NO, "900", 1, 86400, "seconds",                          \
        "How often sessions are made from timetables.")                                            \
    OPT(timetable_horizon_days, INT, RELOAD_NO, "60", 1, 400, "days",                              \
        "How far ahead sessions are made from timetables.")                                        \
    OPT(schedule_cleanup_s, INT, RELOAD_NO, "3600", 1, 86400, "seconds",                           \
        "How often expired sign-ins and what is kept no longer are removed.")                      \
    OPT(schedule_signature_s, INT, RELOAD_NO, "86400", 1, 31536000, "seconds",                     \
        "How often the ends of the register's chains are signed.")                                 \
    OPT(schedule_lease_s, INT, RELOAD_NO, "60", 2, 3600, "seconds",                                \
        "A periodic job whose process died is taken over by another one after this long.")         \
    OPT(jobs_keep_days, INT, RELOAD_NO, "90", 0, 36500, "days",                                    \
        "Enrolment jobs that ended, and their verdicts, are kept this long; 0 = for ever.")        \
    OPT(enrolment_photos_keep_days, INT, RELOAD_NO, "0", 0, 3650, "days",                          \
        "Accepted enrolment photos of students who consented to `photos` are kept this long, "     \
        "sealed; 0 = never stored.")                                                               \
    OPT(audit_keep_days, INT, RELOAD_NO, "730", 0, 36500, "days",                                  \
        "Rows of the audit trail are kept this long; 0 = for ever.")                               \
    OPT(sightings_halve_days, INT, RELOAD_NO, "90", 0, 36500, "days",                              \
        "Counts of scores of live sightings are halved this often, so that old ones fade; 0 = "    \
        "never.")                                                                                  \
    GROUP("Imports")                                                                               \
    OPT(import_max_bytes, SIZE, RELOAD_NO, "33554432", 1024, 268435456, "bytes",                   \
        "Largest file of an import (CSV, zip); what a zip file holds may be eight times as much.") \
    OPT(import_max_lines, INT, RELOAD_YES, "200000", 1, 1000000, "lines",                          \
        "Lines of one CSV file at most.")                                                          \
    GROUP("Access")                                                                                \
    OPT(token_ttl_hours, INT, RELOAD_YES, "720", 1, 87600, "hours", "Lifetime of a bearer token.") \
    OPT(login_code_ttl_min, INT, RELOAD_YES, "60", 1, 10080, "minutes",                            \
        "Lifetime of a one-time sign-in.")                                                         \
    GROUP("Clients")                                                                               \
    OPT(server_url, STRING, RELOAD_NO, "", 0, 1024, "URL",                                         \
        "Server that camera, enroll and user talk to; empty = http_bind and http_port.")           \
    OPT(token, STRING, SECRET, "", 0, 4096, "bearer token", "Token that camera and enroll send.")
