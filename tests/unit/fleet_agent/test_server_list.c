/* SPDX-License-Identifier: Apache-2.0 */
#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>
#include <cmocka.h>

#include "plugin/fleet/server_list.h"

/* -- names that only this test knows ---------------------------------------------------------------- */

static pthread_mutex_t silent =
    PTHREAD_MUTEX_INITIALIZER; /* held while silent.test does not answer */
static int asked;              /* look-ups of it; atomic */

static int real(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **list)
{
    int (*function)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

    *(void **)&function = dlsym(RTLD_NEXT, "getaddrinfo");
    return function(node, service, hints, list);
}

/* The C library's is not called but for what is numeric. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **list)
{
    if (hints->ai_flags & AI_NUMERICHOST)
        return real(node, service, hints, list);
    if (strcmp(node, "silent.test") == 0) {
        __atomic_fetch_add(&asked, 1, __ATOMIC_RELAXED);
        pthread_mutex_lock(&silent);
        pthread_mutex_unlock(&silent);
        return real("192.0.2.9", service, hints, list);
    }
    if (strcmp(node, "one.test") == 0)
        return real("192.0.2.1", service, hints, list);
    if (strcmp(node, "many.test") == 0) {
        int error = 0;
        for (int i = 0; i < 2 * RESOLVER_ADDRESSES_MAX && error == 0; i++) {
            error = real("2001:db8:1:2:3:4:5:6", service, hints, list);
            list = &(*list)->ai_next;
        }
        return error;
    }
    if (strcmp(node, "two.test") != 0)
        return EAI_NONAME;
    const int error = real("192.0.2.2", service, hints, list);
    return error == 0 ? real("2001:db8::2", service, hints, &(*list)->ai_next) : error;
}

/* -- one resolver ------------------------------------------------------------------------------------ */

static struct event_base *base;
static struct resolver *resolver;
static struct server_list list;
static struct server_addresses addresses;

static void on_answer(void *context)
{
    (void)context;
}

static int begin(void **state)
{
    (void)state;
    list.first = 0;
    base = event_base_new();
    resolver = resolver_new(base, on_answer, NULL);
    return resolver != NULL ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    resolver_free(resolver);
    event_base_free(base);
    return 0;
}

/* Have all names of a connection string looked up; those that do not answer are left alone. */
static void resolve(const char *conninfo, bool all)
{
    server_list_read(&list, conninfo);
    server_list_resolve(&list, resolver);
    server_list_addresses(&list, resolver, &addresses);
    while (all && addresses.waits) {
        assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
        server_list_addresses(&list, resolver, &addresses);
    }
}

static void assert_lists(const char *host, const char *hostaddr, const char *port)
{
    assert_true(addresses.given && addresses.any);
    assert_string_equal(addresses.text[SERVER_HOST], host);
    assert_string_equal(addresses.text[SERVER_HOSTADDR], hostaddr);
    assert_string_equal(addresses.text[SERVER_PORT], port);
}

/* -- tests ------------------------------------------------------------------------------------------- */

static void names_get_addresses_in_their_order(void **state)
{
    (void)state;
    resolve("host=two.test,/run/db,one.test port=1,2,3", true);
    assert_lists("two.test,two.test,/run/db,one.test", "192.0.2.2,2001:db8::2,,192.0.2.1",
                 "1,1,2,3");
    assert_string_equal(addresses.missing, "");
}

/* libpq may not come to the second one in time, if the first does not answer. */
static void each_address_of_a_name_comes_first_when_all_servers_have_failed(void **state)
{
    (void)state;
    resolve("host=two.test", true);
    assert_lists("two.test,two.test", "192.0.2.2,2001:db8::2", "5432,5432");
    server_list_rotate(&list);
    server_list_addresses(&list, resolver, &addresses);
    assert_lists("two.test,two.test", "2001:db8::2,192.0.2.2", "5432,5432");
    list.first = 0;
    resolve("host=one.test,two.test port=1,2", true);
    server_list_rotate(&list);
    server_list_addresses(&list, resolver, &addresses);
    assert_lists("two.test,two.test,one.test", "192.0.2.2,2001:db8::2,192.0.2.1", "2,2,1");
    server_list_rotate(&list);
    server_list_addresses(&list, resolver, &addresses);
    assert_lists("one.test,two.test,two.test", "192.0.2.1,2001:db8::2,192.0.2.2", "1,2,2");
}

static void one_port_is_that_of_all(void **state)
{
    (void)state;
    resolve("postgresql://one.test,two.test/fleet?port=77", true);
    assert_lists("one.test,two.test,two.test", "192.0.2.1,192.0.2.2,2001:db8::2", "77,77,77");
}

static void addresses_of_the_administrator_are_not_looked_up(void **state)
{
    const char *const given[] = { "host=silent.test hostaddr=192.0.2.7",
                                  "host=192.0.2.7,::1",
                                  "host=/run/db",
                                  "host=@abstract",
                                  "hostaddr=192.0.2.7,192.0.2.8",
                                  "dbname=fleet",
                                  "host=" };

    (void)state;
    for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++) {
        resolve(given[i], false);
        assert_true(addresses.any && !addresses.given && !addresses.waits);
    }
    assert_int_equal(__atomic_load_n(&asked, __ATOMIC_RELAXED), 0);
    resolve("host=silent.test,one.test hostaddr=192.0.2.7,", true);
    assert_lists("silent.test,one.test", "192.0.2.7,192.0.2.1", "5432,5432");
}

static void lists_that_do_not_go_together_are_left_to_libpq(void **state)
{
    (void)state;
    resolve("host=silent.test,one.test hostaddr=192.0.2.7", false);
    assert_true(addresses.any && !addresses.given);
    resolve("host=silent.test,one.test port=1,2,3", false);
    assert_true(addresses.any && !addresses.given);
    resolve("host='silent.test", false);
    assert_true(addresses.any && !addresses.given);
}

static void servers_come_from_the_environment_and_services_too(void **state)
{
    char path[] = "/tmp/jeton-services-XXXXXX";
    FILE *file = fdopen(mkstemp(path), "w");

    (void)state;
    assert_non_null(file);
    fputs("[fleet]\nhost=two.test\nport=7\n", file);
    fclose(file);
    setenv("PGSERVICEFILE", path, 1);
    setenv("PGHOST", "one.test", 1);
    resolve("service=fleet", true);
    assert_lists("two.test,two.test", "192.0.2.2,2001:db8::2", "7,7");
    resolve("dbname=fleet port=8", true);
    assert_lists("one.test", "192.0.2.1", "8");
    unsetenv("PGHOST");
    unsetenv("PGSERVICEFILE");
    unlink(path);
}

static void service_that_was_changed_is_read_anew_and_rotated_as_before(void **state)
{
    char path[] = "/tmp/jeton-services-XXXXXX";
    int fd = mkstemp(path);
    static const char *const texts[] = { "[fleet]\nhost=one.test,two.test\nport=7\n",
                                         "[fleet]\nhost=/a,/b,one.test\nport=1,2,3\n" };

    (void)state;
    setenv("PGSERVICEFILE", path, 1);
    assert_int_equal(pwrite(fd, texts[0], strlen(texts[0]), 0), strlen(texts[0]));
    resolve("service=fleet", true);
    server_list_rotate(&list);
    assert_int_equal(pwrite(fd, texts[1], strlen(texts[1]), 0), strlen(texts[1]));
    resolve("service=fleet", true);
    assert_lists("/b,one.test,/a", ",192.0.2.1,", "2,3,1");
    unsetenv("PGSERVICEFILE");
    close(fd);
    unlink(path);
}

static void name_without_an_address_is_left_out(void **state)
{
    (void)state;
    resolve("host=none.test,one.test port=1,2", true);
    assert_lists("one.test", "192.0.2.1", "2");
    assert_string_equal(addresses.missing, "none.test");
    resolve("host=none.test", true);
    assert_false(addresses.any);
    assert_string_equal(addresses.why, gai_strerror(EAI_NONAME));
}

static void name_that_is_not_answered_holds_up_nothing_and_is_asked_for_once(void **state)
{
    (void)state;
    pthread_mutex_lock(&silent);
    resolve("host=one.test,silent.test", false);
    while (resolver_answer(resolver, slice_of("one.test")) == NULL)
        event_base_loop(base, EVLOOP_ONCE);
    for (int i = 0; i < 100; i++)
        resolve("host=one.test,silent.test port=1,2", false);
    assert_true(addresses.waits);
    assert_lists("one.test", "192.0.2.1", "1");
    resolver_forget(resolver);
    assert_null(resolver_answer(resolver, slice_of("silent.test")));
    pthread_mutex_unlock(&silent);
    resolve("host=silent.test port=2", true);
    assert_lists("silent.test", "192.0.2.9", "2");
    assert_int_equal(__atomic_load_n(&asked, __ATOMIC_RELAXED), 1);
}

static void resolver_may_go_before_its_answers_come(void **state)
{
    pthread_mutex_lock(&silent);
    resolve("host=silent.test", false);
    end(state);
    pthread_mutex_unlock(&silent);
    assert_int_equal(begin(state), 0);
    assert_true(resolver_answer(resolver, slice_of("silent.test"))->count == 0);
}

static void very_many_servers_are_cut_off_and_not_torn(void **state)
{
    char conninfo[SERVER_LIST_SIZE] = "host=many.test";
    size_t commas[SERVER_LIST_KINDS] = { 0 };

    (void)state;
    while (strlen(conninfo) + 11 < sizeof(conninfo))
        strcat(conninfo, ",many.test");
    resolve(conninfo, true);
    for (int k = 0; k < SERVER_LIST_KINDS; k++)
        for (const char *at = addresses.text[k]; *at != '\0'; at++)
            commas[k] += *at == ',';
    assert_in_range(strlen(addresses.text[SERVER_HOSTADDR]), SERVER_ADDRESSES_SIZE - 64,
                    SERVER_ADDRESSES_SIZE - 1);
    assert_string_equal(strrchr(addresses.text[SERVER_HOSTADDR], ','), ",2001:db8:1:2:3:4:5:6");
    assert_true(commas[SERVER_HOST] == commas[SERVER_HOSTADDR] &&
                commas[SERVER_PORT] == commas[SERVER_HOST]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names_get_addresses_in_their_order, begin, end),
        cmocka_unit_test_setup_teardown(
            each_address_of_a_name_comes_first_when_all_servers_have_failed, begin, end),
        cmocka_unit_test_setup_teardown(one_port_is_that_of_all, begin, end),
        cmocka_unit_test_setup_teardown(addresses_of_the_administrator_are_not_looked_up, begin,
                                        end),
        cmocka_unit_test_setup_teardown(lists_that_do_not_go_together_are_left_to_libpq, begin,
                                        end),
        cmocka_unit_test_setup_teardown(servers_come_from_the_environment_and_services_too, begin,
                                        end),
        cmocka_unit_test_setup_teardown(service_that_was_changed_is_read_anew_and_rotated_as_before,
                                        begin, end),
        cmocka_unit_test_setup_teardown(name_without_an_address_is_left_out, begin, end),
        cmocka_unit_test_setup_teardown(
            name_that_is_not_answered_holds_up_nothing_and_is_asked_for_once, begin, end),
        cmocka_unit_test_setup_teardown(resolver_may_go_before_its_answers_come, begin, end),
        cmocka_unit_test_setup_teardown(very_many_servers_are_cut_off_and_not_torn, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
