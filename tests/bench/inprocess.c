/* SPDX-License-Identifier: Apache-2.0 */
/* What a verification in this process costs, beside hashing by libsodium and one look into memory.
 *
 * A child builds a table of TOKENS tokens with the daemon's own publisher and lends it over a
 * socket; this process verifies through libjeton.  In each round, one after the other:
 *
 *     a   BLAKE2b-256 of a value, by libsodium
 *     b   one dependent random cache line out of memory of the table's size, mapped the same way
 *     c   jeton_verify() of a present token, claims filled in; and without claims
 *     d   the same in batches of 32, by jeton_verify_batch(), without claims
 *     e   token_digest(), the hash that jeton_verify() makes
 *
 * so that whatever else the machine does touches all of them alike.  The results are the medians
 * over the rounds of c / (a + b), and of d / (a + b); the last line has all figures by name.  Each
 * value is used once in a round and lies where the hardware can foresee it, in a, c, d and e alike.
 *
 *     inprocess [TOKENS [SUBJECTS [ROUNDS]]] */
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

#include "daemon/publish.h"
#include "plugin/jeton.h"
#include "proto/token.h"
#include "tests/bench/dense.h"
#include "tests/bench/values.h"

enum {
    VALUE_STRIDE = 64,
    SCOPE_SETS = 16,
    ROUNDS_MAX = 1001,
    STEPS = 20000,              /* a multiple of BATCH */
    BATCH = 32,
    LOAD = 400000,
    HOT = 64,
    THREADS_MAX = 2,
};

static unsigned tokens = 1000000;
static unsigned rounds = 151;
static unsigned subjects = 1000;        /* as many as tokens: one more line out of memory each */
static char *values;
static const uint8_t personal[crypto_generichash_blake2b_PERSONALBYTES] = TOKEN_PERSONAL;
static volatile uint64_t sink;

static void check(bool well, const char *what)
{
    if (!well) {
        perror(what);
        exit(1);
    }
}

/* Nanoseconds of this thread's CPU: what else runs on the machine takes none of them. */
static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* -- the other process ------------------------------------------------------------------------- */

static struct publisher *build(void)
{
    struct publisher *p = publish_new("jtn", tokens);
    char value[VALUE_LEN], text[64];

    check(p != NULL, "publish_new");
    for (uint64_t i = 0; i < tokens; i++) {
        struct record r = { .serial = i + 1, .created = 1, .expires = TIME_NEVER };
        make_value(i, value);
        token_digest((struct slice){ value, VALUE_LEN }, r.digest);
        snprintf(text, sizeof(text), "user%u", (unsigned)(mix(i) % subjects));
        record_set_subject(&r, slice_of(text));
        snprintf(text, sizeof(text), "deploy,read,set%u", (unsigned)(mix(~i) % SCOPE_SETS));
        record_set_scopes(&r, slice_of(text));
        check(publish_reserve(p, 1, r.subject_len + r.scopes_len) == 0, "publish_reserve");
        publish_put(p, &r);
    }
    while (publish_condense(p))
        continue;
    return p;
}

static void lend(int to, struct publisher *p)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = { .bytes = { 0 } };
    char line[128];
    uint64_t size, generation;
    int fd = publish_descriptor(p, &size, &generation);

    snprintf(line, sizeof(line), "OK size=%llu final=yes generation=%llu\n",
             (unsigned long long)size, (unsigned long long)generation);
    struct iovec out = { line, strlen(line) };
    struct msghdr message = { .msg_iov = &out, .msg_iovlen = 1, .msg_control = control.bytes,
                              .msg_controllen = sizeof(control.bytes) };
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    *c = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET,
                           .cmsg_type = SCM_RIGHTS };
    memcpy(CMSG_DATA(c), &fd, sizeof(fd));
    check(fd >= 0 && sendmsg(to, &message, 0) > 0, "sendmsg");
    close(fd);
}

static void *renew(void *publisher)
{
    for (;; sleep(1))
        publish_renew(publisher);
    return NULL;
}

static void serve(int listener, int ready)
{
    struct publisher *p = build();
    pthread_t thread;
    char line[256];

    check(pthread_create(&thread, NULL, renew, p) == 0, "pthread_create");
    check(write(ready, "r", 1) == 1, "write");
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        check(fd >= 0 && read(fd, line, sizeof(line)) > 0, "accept");
        lend(fd, p);
        while (read(fd, line, sizeof(line)) > 0)
            ;
        close(fd);
    }
}

/* -- what is measured -------------------------------------------------------------------------- */

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

static uint32_t *chain;         /* 16 to a cache line; the first is the index of the next line */
static uint32_t place;

static void make_chain(size_t size)
{
    char path[64];
    uint32_t lines = (uint32_t)(size / 64), *next;
    int fd = memfd_create("chain", MFD_CLOEXEC);

    check(fd >= 0 && ftruncate(fd, (off_t)size) == 0, "memfd_create");
    next = pages_map(size, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
    check(next != MAP_FAILED, "mmap");
    make_dense(next, size);
    for (uint32_t i = 0; i < lines; i++)
        next[16 * i] = i;
    for (uint32_t i = lines - 1; i > 0; i--) {          /* one cycle through all lines */
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
        place = chain[16 * (size_t)place];
    sink += place;
    return (now() - begin) / STEPS;
}

static double measure_verify(struct jeton *handle, unsigned from, unsigned steps,
                             unsigned different, struct jeton_claims *claims)
{
    double begin = now();

    for (unsigned i = 0; i < steps; i++) {
        const char *value = values + (size_t)(from + i % different) % tokens * VALUE_STRIDE;
        if (jeton_verify(handle, value, VALUE_LEN, NULL, NULL, claims) != JETON_OK ||
            (claims != NULL && jeton_source(claims) != JETON_TABLE)) {
            fprintf(stderr, "a present token was not answered by the table\n");
            exit(1);
        }
    }
    return (now() - begin) / steps;
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
            fprintf(stderr, "a present token was not let pass\n");
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

    load->each = measure_verify(load->handle, load->from, LOAD, LOAD, &claims);
    return NULL;
}

/* Verifications in a millionth of each thread's CPU second. */
static double measure_threads(struct jeton *handle, unsigned count)
{
    struct load load[THREADS_MAX];
    pthread_t thread[THREADS_MAX];
    double rate = 0;

    for (unsigned i = 0; i < count; i++) {
        load[i] = (struct load){ handle, i * LOAD, 0 };
        check(pthread_create(&thread[i], NULL, run_load, &load[i]) == 0, "pthread_create");
    }
    for (unsigned i = 0; i < count; i++) {
        pthread_join(thread[i], NULL);
        rate += 1e3 / load[i].each / count;
    }
    return rate;
}

static int compare(const void *a, const void *b)
{
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

static double median(double *sample)
{
    qsort(sample, rounds, sizeof(*sample), compare);
    return sample[rounds / 2];
}

static void run(struct jeton *handle)
{
    static double hash[ROUNDS_MAX], line[ROUNDS_MAX], verify[ROUNDS_MAX], bare[ROUNDS_MAX],
                  hot[ROUNDS_MAX], batch[ROUNDS_MAX], ratio[ROUNDS_MAX],
                  bare_ratio[ROUNDS_MAX], batch_ratio[ROUNDS_MAX], digest[ROUNDS_MAX];
    struct jeton_claims claims = JETON_CLAIMS_INIT;

    for (unsigned r = 0; r < rounds; r++) {
        unsigned from = 5 * r * STEPS;
        hash[r] = measure_hash(hash_by_libsodium, from);
        line[r] = measure_line();
        verify[r] = measure_verify(handle, from + STEPS, STEPS, STEPS, &claims);
        batch[r] = measure_batch(handle, from + 3 * STEPS);
        bare[r] = measure_verify(handle, from + 2 * STEPS, STEPS, STEPS, NULL);
        hot[r] = measure_verify(handle, from, STEPS, HOT, &claims);
        digest[r] = measure_hash(token_digest, from + 4 * STEPS);
        ratio[r] = verify[r] / (hash[r] + line[r]);
        bare_ratio[r] = bare[r] / (hash[r] + line[r]);
        batch_ratio[r] = batch[r] / (hash[r] + line[r]);
    }
    double result = median(ratio);
    printf("a  BLAKE2b-256 of a value of %d bytes   %7.1f ns\n", VALUE_LEN, median(hash));
    printf("b  a dependent random cache line       %7.1f ns\n", median(line));
    printf("c  jeton_verify, %8u tokens       %7.1f ns\n", tokens, median(verify));
    printf("   ... without claims                  %7.1f ns\n", median(bare));
    printf("   ... of a few tokens, all in cache   %7.1f ns\n", median(hot));
    printf("d  jeton_verify_batch of %d, each      %7.1f ns\n", BATCH, median(batch));
    printf("c / (a + b), median of %u: %.3f (quartiles %.3f and %.3f)\n", rounds, result,
           ratio[rounds / 4], ratio[rounds * 3 / 4]);
    double one = measure_threads(handle, 1), two = measure_threads(handle, 2);
    printf("millions a CPU second: %.2f of 1 thread, %.2f of each of 2 on one handle\n", one, two);
    printf("hash=%.1f line=%.1f verify=%.1f bare=%.1f hot=%.1f batch=%.1f digest=%.1f "
           "ratio=%.3f bare_ratio=%.3f batch_ratio=%.3f one=%.3f two=%.3f\n", median(hash),
           median(line), median(verify), median(bare), median(hot), median(batch), median(digest),
           result, median(bare_ratio), median(batch_ratio), one, two);
}

int main(int argc, char **argv)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    char directory[] = "/tmp/jeton-bench-XXXXXX", byte;
    struct jeton *handle;
    int ready[2];

    if (argc > 1)
        tokens = (unsigned)strtoul(argv[1], NULL, 10);
    if (argc > 2)
        subjects = (unsigned)strtoul(argv[2], NULL, 10);
    if (argc > 3)
        rounds = (unsigned)strtoul(argv[3], NULL, 10);
    if (tokens == 0 || subjects == 0 || rounds == 0 || rounds > ROUNDS_MAX)
        return 2;
    check(sodium_init() >= 0 && mkdtemp(directory) != NULL && pipe(ready) == 0, "start");
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/verify.sock", directory);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check(bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0 &&
          listen(listener, 8) == 0, "bind");
    pid_t child = fork();
    if (child == 0)
        serve(listener, ready[1]);
    values = malloc((size_t)tokens * VALUE_STRIDE);
    check(values != NULL, "malloc");
    for (unsigned i = 0; i < tokens; i++)
        make_value(i, values + (size_t)i * VALUE_STRIDE);
    check(read(ready[0], &byte, 1) == 1, "the other process");
    check(jeton_open(&handle, address.sun_path, NULL, 0) == 0, "jeton_open");
    uint64_t lines = 64;
    while (lines < 2 * (uint64_t)tokens)
        lines *= 2;
    make_chain(lines * 64);
    measure_verify(handle, 0, tokens, tokens, NULL);    /* touches every page once */
    run(handle);
    jeton_close(handle);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    unlink(address.sun_path);
    rmdir(directory);
    return 0;
}
