/* SPDX-License-Identifier: Apache-2.0 */
/* Measure a verification in this process, beside a hash by libsodium and one cache miss.
 *
 *     inprocess TOKENS [beside|fleet] < words
 *
 * A child builds a table of TOKENS tokens with the daemon's token_table and shares it over a
 * socket; this process verifies through libjeton.  For each "round" that it reads it measures in
 * turn
 *
 *     hash       BLAKE2b-256 of a value, by libsodium
 *     line       one dependent random cache line from memory of the table's size, mapped alike
 *     verify     jeton_verify() of a present token, with claims
 *     batch      the same in batches of 32, by jeton_verify_batch(), without claims
 *     no_claims  jeton_verify() without claims
 *     miss       the same of a value that no token has
 *     malformed  the same of one whose checksum is wrong
 *     digest     token_digest(), the hash that jeton_verify() makes
 *
 * and for "claims" only jeton_verify() with claims, CLAIMS of them, for whoever counts instructions;
 * and for "threads", jeton_verify() with claims by one thread, and by each of two on one handle.
 * `beside`: the host is of a fleet, and has a lease; `fleet`: so are the tokens.
 * It prints nanoseconds of CPU for each, by name.  Each value is used once in a round and lies
 * where the hardware can prefetch it, in all cases alike. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/table/slot_count.h"
#include "plugin/lib/jeton.h"
#include "proto/token.h"
#include "tests/bench/huge_pages.h"
#include "tests/bench/values.h"
#include "tests/unit/support/table_reply.h"

enum {
    VALUE_STRIDE = 64,
    SUBJECTS = 1000, /* with one subject per token, each would be another cache miss */
    SCOPE_SETS = 16,
    STEPS = 20000, /* a multiple of BATCH */
    BATCH = 32,
    LOAD = 100000,
    CLAIMS = 20000,
    THREADS_MAX = 2,
};

static unsigned tokens;
static const char *fleet = ""; /* see above */
static char *values;
static const uint8_t personal[crypto_generichash_blake2b_PERSONALBYTES] = TOKEN_PERSONAL;
static volatile uint64_t sink;

static void check(bool ok, const char *what)
{
    if (!ok) {
        perror(what);
        exit(1);
    }
}

/* Return nanoseconds of this thread's CPU, which other processes do not use up. */
static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* -- the child process ------------------------------------------------------------------------- */

/* Make the table one of a host of a fleet, with a lease of an hour. */
static void use_fleet(struct token_table *p)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    const int64_t until = ((int64_t)t.tv_sec + 3600) * 1000000000;
    check(token_table_use_fleet(p) == 0, "token_table_use_fleet");
    token_table_set_fleet_lease(p, until, until);
}

static struct token_table *build(void)
{
    struct token_table *p = token_table_new("jtn", tokens);
    char value[VALUE_LEN], text[64];

    check(p != NULL, "token_table_new");
    if (fleet[0] != '\0')
        use_fleet(p);
    for (uint64_t i = 0; i < tokens; i++) {
        struct record r = { .serial = i + 1, .created = 1, .expires = TIME_NEVER };
        make_value(i, value);
        token_digest((struct slice){ value, VALUE_LEN }, r.digest);
        snprintf(text, sizeof(text), "user%u", (unsigned)(mix(i) % SUBJECTS));
        record_set_subject(&r, slice_of(text));
        snprintf(text, sizeof(text), "deploy,read,set%u", (unsigned)(mix(~i) % SCOPE_SETS));
        record_set_scopes(&r, slice_of(text));
        if (strcmp(fleet, "fleet") == 0)
            record_set_group(&r, slice_of("web"));
        check(token_table_reserve(p, 1, r.subject_len + r.scopes_len) == 0, "token_table_reserve");
        token_table_put(p, &r);
    }
    while (token_table_collapse(p))
        continue;
    return p;
}

static void *renew(void *token_table)
{
    for (;; sleep(1))
        token_table_renew_lease(token_table);
    return NULL;
}

static void serve(int listener, int ready)
{
    struct token_table *p = build();
    pthread_t thread;
    char line[256];

    check(pthread_create(&thread, NULL, renew, p) == 0, "pthread_create");
    check(write(ready, "r", 1) == 1, "write");
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        check(fd >= 0 && read(fd, line, sizeof(line)) > 0, "accept");
        check(send_table_reply(fd, p, true), "sendmsg");
        while (read(fd, line, sizeof(line)) > 0)
            ;
        close(fd);
    }
}

/* -- measuring --------------------------------------------------------------------------------- */

static void hash_by_libsodium(struct slice value, uint8_t digest[DIGEST_SIZE])
{
    crypto_generichash_blake2b_salt_personal(digest, DIGEST_SIZE, (const uint8_t *)value.at,
                                             value.len, NULL, 0, NULL, personal);
}

static double measure_hash(void (*hash)(struct slice value, uint8_t digest[DIGEST_SIZE]),
                           unsigned from)
{
    uint8_t digest[DIGEST_SIZE];
    double begin = now();

    for (unsigned i = 0; i < STEPS; i++) {
        hash((struct slice){ values + (size_t)(from + i) % tokens * VALUE_STRIDE, VALUE_LEN },
             digest);
        sink += digest[0];
    }
    return (now() - begin) / STEPS;
}

static uint32_t *chain; /* 16 to a cache line; the first is the index of the next line */
static uint32_t chain_at;

static void make_chain(size_t size)
{
    char path[64];
    uint32_t lines = (uint32_t)(size / 64), *next;
    int fd = memfd_create("chain", MFD_CLOEXEC);

    check(fd >= 0 && ftruncate(fd, (off_t)size) == 0, "memfd_create");
    next = pages_map(size, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
    check(next != MAP_FAILED, "mmap");
    collapse_huge_pages(next, size);
    for (uint32_t i = 0; i < lines; i++)
        next[16 * i] = i;
    for (uint32_t i = lines - 1; i > 0; i--) { /* one cycle through all lines */
        uint32_t other = (uint32_t)(mix(i) % i), swap = next[16 * i];
        next[16 * i] = next[16 * other];
        next[16 * other] = swap;
    }
    munmap(next, size);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    chain = pages_map(size, PROT_READ, MAP_SHARED, open(path, O_RDONLY | O_CLOEXEC));
    check(chain != MAP_FAILED, "mmap");
    close(fd);
    for (uint32_t i = 0; i < lines; i++)
        sink += chain[16 * i];
}

static double measure_line(void)
{
    double begin = now();

    for (unsigned i = 0; i < STEPS; i++)
        chain_at = chain[16 * (size_t)chain_at];
    sink += chain_at;
    return (now() - begin) / STEPS;
}

static double measure_verify(struct jeton *handle, unsigned from, unsigned steps,
                             struct jeton_claims *claims)
{
    double begin = now();

    for (unsigned i = 0; i < steps; i++) {
        const char *value = values + (size_t)(from + i) % tokens * VALUE_STRIDE;
        if (jeton_verify(handle, value, VALUE_LEN, NULL, NULL, claims) != JETON_OK ||
            (claims != NULL && jeton_source(claims) != JETON_TABLE)) {
            fprintf(stderr, "a present token was not answered by the table\n");
            exit(1);
        }
    }
    return (now() - begin) / steps;
}

/* Measure values that are refused with this status, each for the first time. */
static double measure_refusals(struct jeton *handle, unsigned from, enum jeton_status expected)
{
    static char refused[STEPS * VALUE_STRIDE];

    for (unsigned i = 0; i < STEPS; i++) {
        char *value = refused + (size_t)i * VALUE_STRIDE, *last = value + VALUE_LEN - 1;
        make_value(2 * (uint64_t)tokens + (from + i) % tokens, value);
        if (expected == JETON_MALFORMED)
            *last = *last == '0' ? '1' : '0';
    }
    double begin = now();
    for (unsigned i = 0; i < STEPS; i++) {
        const char *value = refused + (size_t)i * VALUE_STRIDE;
        if (jeton_verify(handle, value, VALUE_LEN, NULL, NULL, NULL) != expected) {
            fprintf(stderr, "a value was not refused as it should be\n");
            exit(1);
        }
    }
    return (now() - begin) / STEPS;
}

static double measure_batch(struct jeton *handle, unsigned from)
{
    struct jeton_check question[BATCH] = { { 0 } };
    double begin = now();

    for (unsigned i = 0; i < STEPS; i += BATCH) {
        for (unsigned k = 0; k < BATCH; k++) {
            question[k].value = values + (size_t)(from + i + k) % tokens * VALUE_STRIDE;
            question[k].length = VALUE_LEN;
        }
        if (jeton_verify_batch(handle, question, BATCH) != BATCH) {
            fprintf(stderr, "a present token did not pass\n");
            exit(1);
        }
    }
    return (now() - begin) / STEPS;
}

struct load {
    struct jeton *handle;
    unsigned from;
    double each;
};

static void *run_load(void *argument)
{
    struct load *load = argument;
    struct jeton_claims claims = JETON_CLAIMS_INIT;

    load->each = measure_verify(load->handle, load->from, LOAD, &claims);
    return NULL;
}

/* Return the mean over the threads. */
static double measure_threads(struct jeton *handle, unsigned count)
{
    struct load load[THREADS_MAX];
    pthread_t thread[THREADS_MAX];
    double sum = 0;

    for (unsigned i = 0; i < count; i++) {
        load[i] = (struct load){ handle, i * LOAD, 0 };
        check(pthread_create(&thread[i], NULL, run_load, &load[i]) == 0, "pthread_create");
    }
    for (unsigned i = 0; i < count; i++) {
        pthread_join(thread[i], NULL);
        sum += load[i].each;
    }
    return sum / count;
}

static void measure_round(struct jeton *handle)
{
    static unsigned from;
    struct jeton_claims claims = JETON_CLAIMS_INIT;

    double hash = measure_hash(hash_by_libsodium, from);
    double line = measure_line();
    double verify = measure_verify(handle, from + STEPS, STEPS, &claims);
    double batch = measure_batch(handle, from + 2 * STEPS);
    double no_claims = measure_verify(handle, from + 3 * STEPS, STEPS, NULL);
    double miss = measure_refusals(handle, from + 4 * STEPS, JETON_UNKNOWN);
    double malformed = measure_refusals(handle, from + 5 * STEPS, JETON_MALFORMED);
    double digest = measure_hash(token_digest, from + 6 * STEPS);
    printf("hash=%.1f line=%.1f verify=%.1f batch=%.1f no_claims=%.1f miss=%.1f malformed=%.1f "
           "digest=%.1f\n",
           hash, line, verify, batch, no_claims, miss, malformed, digest);
    from += 7 * STEPS;
}

static void run_commands(struct jeton *handle)
{
    struct jeton_claims claims = JETON_CLAIMS_INIT;
    char word[16];

    while (scanf("%15s", word) == 1) {
        if (strcmp(word, "round") == 0)
            measure_round(handle);
        else if (strcmp(word, "claims") == 0)
            printf("claims=%.1f\n", measure_verify(handle, 0, CLAIMS, &claims));
        else
            printf("one=%.1f two=%.1f\n", measure_threads(handle, 1), measure_threads(handle, 2));
        fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    char directory[] = "/tmp/jeton-bench-XXXXXX", byte;
    struct jeton *handle;
    int ready[2];

    tokens = argc == 2 || argc == 3 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
    fleet = argc == 3 ? argv[2] : "";
    if (tokens == 0)
        return 2;
    check(sodium_init() >= 0 && mkdtemp(directory) != NULL && pipe(ready) == 0, "start");
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/verify.sock", directory);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check(bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0 &&
              listen(listener, 8) == 0,
          "bind");
    pid_t child = fork();
    if (child == 0)
        serve(listener, ready[1]);
    values = malloc((size_t)tokens * VALUE_STRIDE);
    check(values != NULL, "malloc");
    for (unsigned i = 0; i < tokens; i++)
        make_value(i, values + (size_t)i * VALUE_STRIDE);
    check(read(ready[0], &byte, 1) == 1, "the child process");
    check(jeton_open(&handle, address.sun_path, NULL, 0) == 0, "jeton_open");
    make_chain((size_t)slot_count_at_start(tokens) * 64);
    measure_verify(handle, 0, tokens, NULL); /* touches every page once */
    run_commands(handle);
    jeton_close(handle);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    unlink(address.sun_path);
    rmdir(directory);
    return 0;
}
