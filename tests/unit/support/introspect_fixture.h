/* SPDX-License-Identifier: Apache-2.0 */
/* Load introspect.so and start an OAuth server with faults on command, for tests of introspect.so.
 * Its clocks can be set. */
#ifndef JETON_TESTS_INTROSPECT_H
#define JETON_TESTS_INTROSPECT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/base/sanitizer.h"
#include "daemon/verifiers/verifier.h"

#define FAKE_CLOCK_ID CLOCK_MONOTONIC
#include "tests/unit/support/fake_clock.h"

/* Every test that includes this uses some of it; not every one uses all of it. */
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-variable"

#define NOW INT64_C(1800000000)
#define SECRET "s3cr et+&%=:/"
#define ACTIVE "say 200 application/json {\"active\":true}"

static const struct jeton_verifier *module;

static struct oauth {
    char directory[64];
    pid_t pid;
    FILE *to, *from;
    int http, https, wrong;
} oauth;

/* Time, timeout and earlier identity of the next question; the answer to the last ask(). */
static int64_t now = NOW;
static int64_t timeout = 30000; /* milliseconds */
static const struct jeton_identity *earlier;
static struct jeton_answer answer;

/* -- clocks ------------------------------------------------------------------------------------ */

static int64_t monotonic(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* -- the server -------------------------------------------------------------------------------- */

/* Send a command to the server, and return its reply. */
__attribute__((format(printf, 1, 2))) static const char *command(const char *format, ...)
{
    static char line[65536];
    va_list arguments;

    va_start(arguments, format);
    vfprintf(oauth.to, format, arguments);
    va_end(arguments);
    fputc('\n', oauth.to);
    fflush(oauth.to);
    assert_non_null(fgets(line, sizeof(line), oauth.from));
    line[strcspn(line, "\n")] = '\0';
    return line;
}

static int counter(const char *what)
{
    char name[32];

    snprintf(name, sizeof(name), "%s=", what);
    const char *at = strstr(command("seen"), name);
    assert_non_null(at);
    return atoi(at + strlen(name));
}

static void wait_for(const char *what, int number)
{
    for (int i = 0; i < 30000 && counter(what) != number; i++)
        usleep(1000);
    assert_int_equal(counter(what), number);
}

static const char *path_of(const char *name)
{
    static char path[4][128];
    static unsigned next;
    char *p = path[next++ % 4];

    snprintf(p, sizeof(path[0]), "%s/%s", oauth.directory, name);
    return p;
}

static const char *put_file(const char *name, const char *content, mode_t mode)
{
    const char *path = path_of(name);
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fputs(content, f);
    fclose(f);
    assert_int_equal(chmod(path, mode), 0);
    return path;
}

static int start(void **state)
{
    int in[2], out[2];
    char path[256];
    const char *build = getenv("BUILD");

    (void)state;
    snprintf(path, sizeof(path), "%s/verifiers/introspect.so", build != NULL ? build : "build");
    void *so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (so == NULL)
        fprintf(stderr, "%s\n", dlerror());
    assert_non_null(so);
    module = dlsym(so, "jeton_verifier");
    assert_non_null(module);
    strcpy(oauth.directory, "/tmp/jeton-introspect-XXXXXX");
    assert_non_null(mkdtemp(oauth.directory));
    assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);
    oauth.pid = fork();
    if (oauth.pid == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        execlp("python3", "python3", "-B", "tests/flows/support/oauth_server.py", oauth.directory,
               NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    oauth.to = fdopen(in[1], "w");
    oauth.from = fdopen(out[0], "r");
    assert_non_null(fgets(path, sizeof(path), oauth.from));
    assert_int_equal(sscanf(path, "ready %d %d %d", &oauth.http, &oauth.https, &oauth.wrong), 3);
    return 0;
}

static int stop(void **state)
{
    int status;
    char rm[128];

    (void)state;
    fclose(oauth.to);
    fclose(oauth.from);
    assert_int_equal(waitpid(oauth.pid, &status, 0), oauth.pid);
    assert_int_equal(status, 0);
    snprintf(rm, sizeof(rm), "rm -rf %s", oauth.directory);
    return system(rm);
}

static int reset(void **state)
{
    (void)state;
    now = NOW;
    timeout = 30000;
    earlier = NULL;
    fake_clock_offset = fake_clock_stands = 0;
    command("reset");
    return 0;
}

/* -- the module -------------------------------------------------------------------------------- */

/* Return url= of one of the endpoints: http, https, wrong (name in its certificate) or unix. */
static const char *at(const char *endpoint)
{
    static char url[160];
    int port = strcmp(endpoint, "http") == 0  ? oauth.http :
               strcmp(endpoint, "https") == 0 ? oauth.https :
                                                oauth.wrong;

    if (strcmp(endpoint, "unix") == 0)
        snprintf(url, sizeof(url), "url=http+unix://%s/oauth.sock:/introspect", oauth.directory);
    else
        snprintf(url, sizeof(url), "url=%s://127.0.0.1:%d/introspect",
                 strcmp(endpoint, "http") == 0 ? "http" : "https", port);
    return url;
}

/* Make "key=path", in one of four buffers used in turn. */
static const char *file_at(const char *key, const char *path)
{
    static char text[4][256];
    static unsigned next;
    char *t = text[next++ % 4];

    snprintf(t, sizeof(text[0]), "%s=%s", key, path);
    return t;
}

static char problem[512];

/* Open an instance with arguments key=value, up to a NULL.  Return NULL if that is refused: see
 * `problem`. */
static void *open_with(const char *const *arguments)
{
    static char text[32][512];
    struct jeton_argument copies[32];
    size_t count = 0;
    void *instance = NULL;

    problem[0] = '\0';
    for (; arguments[count] != NULL; count++) {
        snprintf(text[count], sizeof(text[0]), "%s", arguments[count]);
        char *equals = strchr(text[count], '=');
        *equals = '\0';
        copies[count] = (struct jeton_argument){ text[count], equals + 1 };
    }
    int result = module->open(&instance, copies, count, problem, sizeof(problem));
    assert_int_equal(result, instance != NULL ? 0 : -1);
    assert_true((problem[0] == '\0') == (result == 0));
    memset(text, 'x', sizeof(text)); /* open() must not keep pointers into it */
    return instance;
}

#define REFUSED(...) (open_with((const char *const[]){ __VA_ARGS__, NULL }) == NULL)
#define OPEN(...) opened(open_with((const char *const[]){ __VA_ARGS__, NULL }))

static void *opened(void *instance)
{
    if (instance == NULL)
        fail_msg("%s", problem);
    return instance;
}

/* Verify a value, thread-safe; check that no message contains the value or the secret. */
static int ask_into(void *instance, const char *value, size_t length, struct jeton_answer *a)
{
    struct jeton_question q = { .value = value,
                                .value_length = length,
                                .service = "other",
                                .identity = earlier,
                                .now = now,
                                .deadline = monotonic() + timeout * 1000000 };

    *a = (struct jeton_answer){ .identity.expires = JETON_VERIFIER_NEVER };
    int outcome = module->verify(instance, &q, a);
    if (length > 3 && memmem(a->message, sizeof(a->message), value, length) != NULL)
        fail_msg("the value is in: %s", a->message);
    if (strstr(a->message, SECRET) != NULL)
        fail_msg("the secret is in: %s", a->message);
    if ((outcome == JETON_VERIFIER_ERROR) != (outcome != JETON_VERIFIER_FAIL && a->message[0] != 0))
        fail_msg("outcome %d with the message: %s", outcome, a->message);
    return outcome;
}

static int ask(void *instance, const char *value)
{
    return ask_into(instance, value, strlen(value), &answer);
}

#define assert_passes(instance, value)                                   \
    do {                                                                 \
        if (ask(instance, value) != JETON_VERIFIER_PASS)                 \
            fail_msg("%s: %d %s", value, answer.reason, answer.message); \
    } while (0)

#define assert_fails(instance, value, why)                           \
    do {                                                             \
        assert_int_equal(ask(instance, value), JETON_VERIFIER_FAIL); \
        assert_int_equal(answer.reason, why);                        \
        assert_int_equal(answer.has_identity, 0);                    \
    } while (0)

#define assert_errs(instance, value, word)                            \
    do {                                                              \
        assert_int_equal(ask(instance, value), JETON_VERIFIER_ERROR); \
        if (strstr(answer.message, word) == NULL)                     \
            fail_msg("wanted \"%s\", got: %s", word, answer.message); \
        assert_int_equal(answer.has_identity, 0);                     \
    } while (0)

#endif
