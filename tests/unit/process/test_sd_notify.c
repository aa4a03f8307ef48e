/* SPDX-License-Identifier: Apache-2.0 */
/* A service manager that does not read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/process/sd_notify.h"
#include "tests/unit/support/directory.h"

enum { MESSAGES = 5000, DEADLINE = 50 };

static struct sd_notify notify;
static int manager;

/* Fill its queue: the daemon must not wait.  A test that hangs is ended. */
static int set_up(void **state)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int result = make_directory(state);

    alarm(DEADLINE);
    snprintf(address.sun_path, sizeof(address.sun_path), "%.60s/notify", directory);
    manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(manager, (struct sockaddr *)&address, sizeof(address)), 0);
    setenv("NOTIFY_SOCKET", address.sun_path, 1);
    sd_notify_open(&notify);
    assert_true(notify.fd >= 0);
    for (int i = 0; i < MESSAGES; i++)
        sd_notify_alive(&notify);
    return result;
}

static int tear_down(void **state)
{
    sd_notify_close(&notify);
    close(manager);
    alarm(0);
    return remove_directory(state);
}

/* Return the next message; "": there is none. */
static const char *message(void)
{
    static char text[256];
    ssize_t len = recv(manager, text, sizeof(text) - 1, MSG_DONTWAIT);

    text[len > 0 ? len : 0] = '\0';
    return text;
}

static void drain(void)
{
    while (message()[0] != '\0')
        continue;
}

static void states_are_sent_in_order_once_the_manager_reads(void **state)
{
    (void)state;
    sd_notify_reloading(&notify);
    sd_notify_status(&notify, "dropped");
    sd_notify_ready(&notify);
    drain();
    sd_notify_retry(&notify);
    assert_memory_equal(message(), "RELOADING=1\nMONOTONIC_USEC=", 27);
    assert_string_equal(message(), "READY=1");
    sd_notify_retry(&notify);
    assert_string_equal(message(), "");
}

static void the_end_of_a_reload_is_not_sent_for_the_next_one(void **state)
{
    (void)state;
    sd_notify_reloading(&notify);
    sd_notify_ready(&notify);
    sd_notify_reloading(&notify);
    drain();
    sd_notify_retry(&notify);
    assert_memory_equal(message(), "RELOADING=1", 11);
    assert_string_equal(message(), "");
    sd_notify_ready(&notify);
    assert_string_equal(message(), "READY=1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        TEST(states_are_sent_in_order_once_the_manager_reads),
        TEST(the_end_of_a_reload_is_not_sent_for_the_next_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
