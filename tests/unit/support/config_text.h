/* SPDX-License-Identifier: Apache-2.0 */
/* Read a configuration file that is given as text. */
#ifndef JETON_TESTS_CONFIG_TEXT_H
#define JETON_TESTS_CONFIG_TEXT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/config/config_file.h"

static struct config_faults config_faults;

/* Read the text over what is in *c.  False: *problem is the first of config_faults. */
static bool read_config_text(struct config *c, const char *text, struct problem *problem)
{
    char path[] = "/tmp/jeton-config-XXXXXX";
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    config_faults.count = 0;
    bool done = config_file_read(c, path, &config_faults);
    if (!done)
        *problem = config_faults.fault[0];
    unlink(path);
    return done;
}

#endif
