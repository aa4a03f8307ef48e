/* SPDX-License-Identifier: Apache-2.0 */
/* Read the configuration of a fleet's agent.
 *
 *     input = the file, then { NUL, "fleet.key=value" as for --set }
 *
 * What is accepted is within its limits; what is wrong with a connection string is said without anything of it. */
#include "tests/fuzz/fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#include "plugin/fleet/config.h"
#include "proto/fleet.h"

/* Stands for what a connection string must not lose to the log. */
#define PASSWORD "hunter2"

FUZZ_HARNESS_BEGINS

static int file = -1;
static char file_name[64];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    file = memfd_create("fleet.conf", MFD_CLOEXEC);
    MUST(file >= 0);
    snprintf(file_name, sizeof(file_name), "/proc/self/fd/%d", file);
    return 0;
}

static bool ends(const char *text, size_t size)
{
    return memchr(text, '\0', size) != NULL;
}

static void check_config(const struct config *c)
{
    MUST(c->lease >= 5 && c->lease <= 3600 && (c->keep == 0 || c->keep >= c->lease) &&
         c->keep <= INT64_C(366) * 86400);
    MUST(c->groups <= CONFIG_GROUPS_MAX);
    for (unsigned i = 0; i < c->groups; i++)
        MUST(ends(c->group[i], sizeof(c->group[i])) && c->group[i][0] != '\0' &&
             fleet_name_fault(slice_of(c->group[i])) == NULL);
    MUST(c->socket[0] == '/' && ends(c->socket, sizeof(c->socket)));
    MUST((c->metrics[0] == '/' || c->metrics[0] == '\0') && ends(c->metrics, sizeof(c->metrics)));
    MUST(ends(c->database, sizeof(c->database)));
}

static void check_faults(const struct config_faults *faults)
{
    const unsigned kept = faults->count < CONFIG_FAULTS_MAX ? faults->count : CONFIG_FAULTS_MAX;

    for (unsigned i = 0; i < kept; i++) {
        MUST(faults->text[i][0] != '\0' && ends(faults->text[i], CONFIG_FAULT_SIZE));
        MUST(strncmp(faults->text[i], "database:", 9) != 0 ||
             strstr(faults->text[i], PASSWORD) == NULL);
    }
}

/* The assignments are the texts behind the file. */
static void take_assignments(struct config_source *source, const char *at, const char *end)
{
    while (at < end && source->assignments < CONFIG_ASSIGNMENTS_MAX) {
        source->assignment[source->assignments++] = at;
        at += strlen(at) + 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct config config;
    static struct config_faults faults;
    struct config_source source = { .file = file_name, .file_required = true };
    char *text = malloc(len + 1);

    MUST(text != NULL);
    memcpy(text, bytes, len);
    text[len] = '\0';
    const size_t of_file = strlen(text);
    MUST(ftruncate(file, 0) == 0 && pwrite(file, text, of_file, 0) == (ssize_t)of_file);
    if (of_file < len)
        take_assignments(&source, text + of_file + 1, text + len);
    if (config_load(&source, &config, &faults))
        check_config(&config);
    else
        MUST(faults.count > 0);
    check_faults(&faults);
    free(text);
    return 0;
}

FUZZ_HARNESS_ENDS
