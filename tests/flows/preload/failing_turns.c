/* SPDX-License-Identifier: Apache-2.0 */
#include "failing_turns.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "failing.h"

enum { TURNS_MAX = 20000, TURN_TEXT = 48, RAREST = 100 };

static char turn_text[TURN_TEXT] = "nothing fails";

void turns_demand(bool holds, const char *what)
{
    if (holds)
        return;
    failing_end();
    printf("%s: not so: %s\n", turn_text, what);
    exit(1);
}

/* -- what is left behind ----------------------------------------------------------------------- */

struct possessions {
    unsigned descriptors;
    long blocks;
    size_t mapped; /* pages, without those of malloc() itself */
};

static struct possessions look(void)
{
    struct possessions have = { .blocks = failing_blocks() };
    DIR *directory = opendir("/proc/self/fd");
    FILE *statm = fopen("/proc/self/statm", "re");

    turns_demand(directory != NULL && statm != NULL && fscanf(statm, "%zu", &have.mapped) == 1,
                 "/proc is there");
    while (readdir(directory) != NULL)
        have.descriptors++;
    fclose(statm);
    closedir(directory);
    have.mapped -= (uintptr_t)sbrk(0) / (size_t)sysconf(_SC_PAGESIZE);
    return have;
}

/* -- turns ------------------------------------------------------------------------------------- */

/* Begin a turn, and show it, so that it is known in which turn a signal ended the program. */
static void begin(const char *what, unsigned seed)
{
    int len = snprintf(turn_text, sizeof(turn_text), "%s %u", what, seed);

    printf("%.*s\n", len, turn_text);
    fflush(stdout);
    srandom(seed);
    turns_demand(failing_begin(what), "a turn has a call and a number");
}

static unsigned long take(const char *what, unsigned seed, const struct play *play)
{
    play->before();
    begin(what, seed);
    play->faulty();
    unsigned long calls = failing_end();
    play->after();
    return calls;
}

void turns_take_one(const char *what, unsigned seed, const struct play *play)
{
    struct possessions before = look();

    take(what, seed, play);
    struct possessions after = look();
    turns_demand(after.descriptors == before.descriptors, "it leaves no descriptor");
    turns_demand(after.blocks == before.blocks, "it leaves no memory");
    turns_demand(after.mapped == before.mapped, "it leaves no mapping");
}

static unsigned long count(const char *call, const struct play *play)
{
    char what[TURN_TEXT];

    snprintf(what, sizeof(what), "%s:0", call);
    unsigned long number = take(what, 0, play);
    turns_demand(number > 0, "this is called at all");
    return number;
}

static size_t list(char (*turn)[TURN_TEXT], const char *const *calls, const struct play *play)
{
    size_t turns = 0;

    for (; *calls != NULL; calls++) {
        unsigned long number = count(*calls, play);
        for (unsigned long n = 2; n < 2 * number + 2 && turns < TURNS_MAX; n++)
            snprintf(turn[turns++], TURN_TEXT, "%s:%lu%s", *calls, n / 2, n % 2 == 0 ? "" : "+");
    }
    return turns;
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void turns_take(const char *const *calls, double seconds, const struct play *play)
{
    static char turn[TURNS_MAX][TURN_TEXT];
    double end = now() + seconds;
    size_t turns = list(turn, calls, play), done;
    unsigned seed = (unsigned)time(NULL), by_chance = 0;

    for (done = 0; done < turns && now() < end; done++) {
        srandom(seed++);
        size_t other = done + (size_t)random() % (turns - done);
        char what[TURN_TEXT];
        memcpy(what, turn[other], TURN_TEXT);
        memcpy(turn[other], turn[done], TURN_TEXT);
        turns_take_one(what, 0, play);
    }
    for (; now() < end; by_chance++) {
        char what[TURN_TEXT];
        snprintf(what, sizeof(what), "any:%u", 2 + seed % RAREST);
        turns_take_one(what, seed++, play);
    }
    printf("%zu of %zu turns, and %u by chance\n", done, turns, by_chance);
}
