/* SPDX-License-Identifier: Apache-2.0 */
/* Call everything of libjeton on a stack of a given size, below which nothing is mapped, and print
 * the most that any call used.
 *
 *     small_stack SOCKET BYTES < value */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "plugin/lib/jeton.h"

enum { PAGE = 4096, BATCH = 64, PAINT = 0xa5 };

static const char *path;
static char value[600], scopes[2100], subject[257];
static struct jeton *handle;
static unsigned flags;
static int failures, waiting;

static struct {
    ucontext_t main, call;
    unsigned char *stack;
    size_t size, most;
} on;

static void expect(const char *what, int got, int wanted)
{
    if (got != wanted) {
        fprintf(stderr, "%s: %d instead of %d\n", what, got, wanted);
        failures++;
    }
}

static void open_handle(void)
{
    expect("open", jeton_open(&handle, path, NULL, flags), 0);
}

static void verify(void)
{
    struct jeton_claims *none = NULL;

    expect("verify", jeton_verify(handle, value, strlen(value), "a,b", "ann", none), JETON_OK);
}

static void verify_much(void)
{
    char text[512];

    memset(text, '\1', sizeof(text));
    int status = jeton_verify(handle, text, sizeof(text), scopes, subject, NULL);
    expect("much",
           status == JETON_MALFORMED || status == JETON_UNKNOWN || status == JETON_OK ||
               status == JETON_INVALID,
           1);
}

static struct jeton_check checks[BATCH];

static void verify_batch(void)
{
    expect("batch", (int)jeton_verify_batch(handle, checks, BATCH), BATCH / 2);
}

static void done(void *context, enum jeton_status status)
{
    (void)context;
    expect("async", status, JETON_OK);
    waiting--;
}

static void start(void)
{
    int status = jeton_verify_start(handle, value, strlen(value), NULL, NULL, NULL, done, NULL);

    waiting += status == JETON_WAITING;
    expect("start", status == JETON_WAITING || status == JETON_OK, 1);
}

static void dispatch(void)
{
    jeton_dispatch(handle);
}

static void close_handle(void)
{
    jeton_close(handle);
}

/* Run it on the small stack. */
static void call(const char *name, void (*function)(void))
{
    memset(on.stack, PAINT, on.size);
    getcontext(&on.call);
    on.call.uc_stack.ss_sp = on.stack;
    on.call.uc_stack.ss_size = on.size;
    on.call.uc_link = &on.main;
    makecontext(&on.call, function, 0);
    swapcontext(&on.main, &on.call);
    size_t left = 0;
    while (left < on.size && on.stack[left] == PAINT)
        left++;
    size_t used = on.size - left;
    printf("%s%s %zu\n", name, flags ? ", without the table" : "", used);
    on.most = used > on.most ? used : on.most;
}

static void call_all(void)
{
    call("open", open_handle);
    call("verify", verify);
    call("verify again", verify);
    call("verify much", verify_much);
    call("batch", verify_batch);
    call("start", start);
    while (waiting > 0) {
        struct pollfd fd = { .fd = jeton_fd(handle), .events = jeton_events(handle) };
        poll(&fd, 1, 1000);
        call("dispatch", dispatch);
    }
    call("close", close_handle);
}

int main(int argc, char **argv)
{
    if (argc != 3 || fgets(value, sizeof(value), stdin) == NULL)
        return 2;
    value[strcspn(value, "\n")] = '\0';
    path = argv[1];
    on.size = strtoul(argv[2], NULL, 10);
    unsigned char *at = mmap(NULL, PAGE + on.size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED || mprotect(at + PAGE, on.size, PROT_READ | PROT_WRITE) < 0)
        return 2;
    on.stack = at + PAGE;
    for (int i = 0; i < 32; i++) /* as many and as long as scopes may be */
        sprintf(scopes + strlen(scopes), "%s%02d%062d", i > 0 ? "," : "", i, 0);
    memset(subject, '\1', sizeof(subject) - 1);
    for (int i = 0; i < BATCH; i++)
        checks[i] = (struct jeton_check){ .value = i % 2 ? value :
                                                           "no token of this daemon, but 32",
                                          .length = i % 2 ? strlen(value) : 31 };
    for (flags = 0; flags <= JETON_NO_TABLE; flags += JETON_NO_TABLE)
        call_all();
    printf("most %zu\n", on.most);
    return failures > 0;
}
