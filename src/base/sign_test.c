/* Tests of base/sign: a signature holds for its bytes and its key, and for nothing else. */
#include "base/sign.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const struct seal_key master_a = {.bytes = {1}}, master_b = {.bytes = {2}};

static void a_signature_is_checked_with_the_public_key(void **state)
{
    (void)state;
    struct sign_key key, again;
    char public[SIGN_PUBLIC_TEXT], sig[SIGN_TEXT];
    sign_key_derive(&master_a, &key);
    sign_key_derive(&master_a, &again);
    assert_memory_equal(&key, &again, sizeof key);
    sign_public_text(&key, public);
    sign_text(&key, STR("heads of a day"), sig);
    assert_true(sign_check(str_from(public), STR("heads of a day"), str_from(sig)));
    assert_false(sign_check(str_from(public), STR("heads of a dax"), str_from(sig)));
    assert_false(sign_check(str_from(public), STR(""), str_from(sig)));
}

static void another_key_and_an_altered_signature_are_refused(void **state)
{
    (void)state;
    struct sign_key a, b;
    char public_a[SIGN_PUBLIC_TEXT], public_b[SIGN_PUBLIC_TEXT], sig[SIGN_TEXT];
    sign_key_derive(&master_a, &a);
    sign_key_derive(&master_b, &b);
    sign_public_text(&a, public_a);
    sign_public_text(&b, public_b);
    assert_string_not_equal(public_a, public_b);
    sign_text(&a, STR("x"), sig);
    assert_false(sign_check(str_from(public_b), STR("x"), str_from(sig)));
    assert_false(sign_check(str_from(public_a), STR("x"), STR("")));
    assert_false(sign_check(str_from(public_a), STR("x"), (struct str){sig, SIGN_TEXT - 3}));
    assert_false(sign_check(STR("zz"), STR("x"), str_from(sig)));
    sig[0] = sig[0] == '0' ? '1' : '0';
    assert_false(sign_check(str_from(public_a), STR("x"), str_from(sig)));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signature_is_checked_with_the_public_key),
        cmocka_unit_test(another_key_and_an_altered_signature_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
