/* Tests of base/mailbox: bounds, waking, closing, and many senders at once. */
#include "base/mailbox.h"

#include "base/mem.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { SENDERS = 4, EACH = 5000, ROOM = 16 };

static void messages_come_out_in_order_with_their_bytes(void **state)
{
    (void)state;
    struct mailbox *m = mailbox_new(3, NULL, NULL);
    char text[] = "one";
    assert_int_equal(mailbox_post(m, 1, 10, str_from(text), NULL), ERR_OK);
    assert_int_equal(mailbox_post(m, 2, 20, STR(""), NULL), ERR_OK);
    text[0] = 'X';
    assert_int_equal(mailbox_count(m), 2);
    struct message msg;
    assert_true(mailbox_take(m, &msg));
    assert_int_equal(msg.kind, 1);
    assert_int_equal(msg.id, 10);
    assert_true(str_is((struct str){msg.p, msg.n}, "one"));
    message_done(&msg);
    assert_null(msg.p);
    assert_true(mailbox_take(m, &msg));
    assert_int_equal(msg.id, 20);
    message_done(&msg);
    assert_false(mailbox_take(m, &msg));
    mailbox_free(m);
}

static void a_full_mailbox_refuses_and_takes_again_later(void **state)
{
    (void)state;
    struct mailbox *m = mailbox_new(2, NULL, NULL);
    struct message msg;
    for (int round = 0; round < 5; round++) {
        assert_int_equal(mailbox_post(m, 1, 1, STR("a"), NULL), ERR_OK);
        assert_int_equal(mailbox_post(m, 1, 2, STR("b"), NULL), ERR_OK);
        assert_int_equal(mailbox_post(m, 1, 3, STR("c"), NULL), ERR_FULL);
        for (uint64_t id = 1; id <= 2; id++) {
            assert_true(mailbox_take(m, &msg));
            assert_int_equal(msg.id, id);
            message_done(&msg);
        }
    }
    mailbox_free(m);
}

static void a_closed_mailbox_takes_nothing_more_and_gives_what_it_has(void **state)
{
    (void)state;
    struct mailbox *m = mailbox_new(2, NULL, NULL);
    struct message msg;
    assert_int_equal(mailbox_post(m, 1, 1, STR("a"), NULL), ERR_OK);
    mailbox_close(m);
    assert_int_equal(mailbox_post(m, 1, 2, STR("b"), NULL), ERR_UNAVAILABLE);
    assert_true(mailbox_wait(m, USEC_PER_SEC, &msg));
    message_done(&msg);
    assert_false(mailbox_wait(m, 10 * USEC_PER_SEC, &msg));
    mailbox_free(m);
}

static void waiting_ends_at_its_time(void **state)
{
    (void)state;
    struct mailbox *m = mailbox_new(2, NULL, NULL);
    struct message msg;
    usec_t begun = time_mono();
    assert_false(mailbox_wait(m, 20 * USEC_PER_MSEC, &msg));
    assert_true(time_mono() - begun >= 20 * USEC_PER_MSEC);
    mailbox_free(m);
}

static void count_wake(void *ctx) { atomic_fetch_add((atomic_int *)ctx, 1); }

static void the_wake_function_is_called_for_what_was_taken_in(void **state)
{
    (void)state;
    atomic_int wakes = 0;
    struct mailbox *m = mailbox_new(1, count_wake, &wakes);
    assert_int_equal(mailbox_post(m, 1, 1, STR("a"), NULL), ERR_OK);
    assert_int_equal(mailbox_post(m, 1, 2, STR("b"), NULL), ERR_FULL);
    assert_int_equal(atomic_load(&wakes), 1);
    mailbox_free(m);
}

static void out_of_memory_leaves_the_mailbox_as_it_was(void **state)
{
    (void)state;
    struct mailbox *m = mailbox_new(1, NULL, NULL);
    mem_fail_after(0);
    assert_int_equal(mailbox_post(m, 1, 1, STR("a"), NULL), ERR_NOMEM);
    mem_fail_after(-1);
    assert_int_equal(mailbox_count(m), 0);
    mailbox_free(m);
    for (int n = 0; n < 2; n++) {
        mem_fail_after(n);
        assert_null(mailbox_new(4, NULL, NULL));
    }
    mem_fail_after(-1);
}

struct sender {
    struct mailbox *m;
    uint64_t number;
};

static void *send_all(void *ctx)
{
    const struct sender *s = ctx;
    for (uint64_t i = 0; i < EACH;)
        if (mailbox_post(s->m, 0, s->number << 32 | i, STR("bytes"), NULL) == ERR_OK)
            i++;
        else
            sched_yield();
    return NULL;
}

static void nothing_is_lost_or_reordered_between_many_senders(void **state)
{
    (void)state;
    struct mailbox *m = mailbox_new(ROOM, NULL, NULL);
    struct sender senders[SENDERS];
    pthread_t threads[SENDERS];
    uint64_t next[SENDERS] = {0};
    for (uint64_t i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){m, i};
        assert_int_equal(pthread_create(&threads[i], NULL, send_all, &senders[i]), 0);
    }
    for (int got = 0; got < SENDERS * EACH; got++) {
        struct message msg;
        assert_true(mailbox_wait(m, 30 * USEC_PER_SEC, &msg));
        assert_int_equal(msg.id & UINT32_MAX, next[msg.id >> 32]++);
        message_done(&msg);
    }
    for (int i = 0; i < SENDERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(mailbox_count(m), 0);
    mailbox_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_come_out_in_order_with_their_bytes),
        cmocka_unit_test(a_full_mailbox_refuses_and_takes_again_later),
        cmocka_unit_test(a_closed_mailbox_takes_nothing_more_and_gives_what_it_has),
        cmocka_unit_test(waiting_ends_at_its_time),
        cmocka_unit_test(the_wake_function_is_called_for_what_was_taken_in),
        cmocka_unit_test(out_of_memory_leaves_the_mailbox_as_it_was),
        cmocka_unit_test(nothing_is_lost_or_reordered_between_many_senders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
