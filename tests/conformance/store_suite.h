/* What the store's conformance suites share: the back ends they run on, a fixture with a migrated
 * database in a folder of its own, and transactions that a test may hold open.
 *
 * A back end is one line in store_backends; PostgreSQL is left out where no server is named.
 * Thread: the test's. */
#pragma once

#include "store/consent.h"
#include "store/course.h"
#include "store/driver.h"
#include "store/job.h"
#include "store/keystore.h"
#include "store/mark.h"
#include "store/migrate.h"
#include "store/session.h"
#include "store/sighting.h"
#include "store/student.h"
#include "store/template.h"
#include "store/user.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <semaphore.h>

struct store_backend {
    const char *name;
    /* Opens the database that belongs to the folder; opening again finds what was committed. */
    enum err (*open)(const char *folder, struct db **ret_db, struct error *e);
    /* Removes what open made outside the folder; nothing is open any more. */
    void (*forget)(const char *folder);
};
extern const struct store_backend store_backends[];
extern const int store_backend_n;

struct fixture {
    const struct store_backend *backend;
    char folder[64];
    struct db *db;
    struct arena *a;
    struct error e;
    /* of hold_begin */
    pthread_t holder;
    sem_t begun, end;
    struct db_cx *cx;
    enum err held_result;
    bool held, write;
};

/* cmocka's setup and teardown of every test; the back end is the one being run. */
int fixture_setup(void **state);
int fixture_teardown(void **state);
/* Runs the tests on every back end; for main. */
int store_suite_run(const struct CMUnitTest *tests, size_t n);

/* Opens a transaction (or a read) on another thread and lets the test use its connection, so that
 * assertions run on the test's thread. hold_end returns `result` from the function and gives what
 * db_tx (db_read) returned; f->e has its error. */
struct db_cx *tx_begin(struct fixture *f);
struct db_cx *read_begin(struct fixture *f);
enum err hold_end(struct fixture *f, enum err result);
/* hold_end for a transaction that must commit. */
void tx_commit(struct fixture *f);

/* Inserts one of each with new ids, inside cx; fail the test when they cannot. */
struct student_id make_student(struct fixture *f, struct db_cx *cx, const char *external_id,
                               const char *name);
/* A live consent; the id is made. */
struct consent make_consent(struct fixture *f, struct db_cx *cx, struct student_id student,
                            enum consent_purpose purpose);
struct course_id make_course(struct fixture *f, struct db_cx *cx, const char *code);
struct session_id make_session(struct fixture *f, struct db_cx *cx, struct course_id course,
                               enum session_status status);

/* A keyed hash over everything in an event, as the product's. */
extern const struct register_hasher test_hasher;
/* Fails the test unless the events are 1, 2, 3 ... each hashing its predecessor. */
void assert_chain(const struct register_event *events, int n);

/* A mark of the student by this frame (NULL: none). */
struct mark mark_of(struct session_id session, struct student_id student, const char *frame);
/* mark_insert with what tests do not care about filled in. */
enum err mark_simple(struct db_cx *cx, struct arena *a, const struct mark *m,
                     enum mark_outcome *ret_outcome, struct error *e);
