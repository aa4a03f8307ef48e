/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/fleet/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EACH_MS = 10000 };

static void one(struct text *t, const char *name, const char *type, const char *help, double value)
{
    text_addf(
        t,
        "# HELP jeton_fleet_agent_%s %s\n# TYPE jeton_fleet_agent_%s %s\njeton_fleet_agent_%s %.15g\n",
        name, help, name, type, name, value);
}

static void write_state(const struct context *c, struct text *t)
{
    const double lease = (double)(c->lease.until - lease_clock()) / 1e9;
    const bool up = database_is_connected(c->database);

    one(t, "database_up", "gauge", "Whether the database can be asked.", up);
    one(t, "daemon_up", "gauge", "Whether jetond can be asked.", link_is_up(c->link));
    one(t, "following", "gauge", "Whether this host follows the database's changes.",
        c->mode == MODE_FOLLOW && c->verified);
    one(t, "schema_fits", "gauge", "Whether this program takes the database's schema.",
        up && c->beat.schema_fits);
    one(t, "notifications_come", "gauge", "0: changes are asked for each second instead.",
        up && !database_is_deaf(c->database));
    one(t, "serial", "gauge", "The last change that is in force here.", (double)c->place.serial);
    one(t, "newest_serial", "gauge", "The newest change of the database's.",
        (double)c->beat.newest);
    one(t, "lease_seconds", "gauge", "For how long this host may go on without the database.",
        lease > 0 ? lease : 0);
    one(t, "beat_age_seconds", "gauge",
        "The age of the database's last confirmed beat at the last poll; -1: there is none.",
        c->beat.age_ms < 0 ? -1 : c->beat.age_ms / 1000);
    one(t, "tokens", "gauge", "Tokens of the fleet that jetond has.", (double)c->tokens);
    one(t, "waiting", "gauge", "Changes of this host that are not in the database yet.",
        (double)c->waiting);
}

void metrics_write(const struct context *c, struct text *t)
{
    const struct figures *f = &c->figures;

    text_addf(t,
              "# HELP jeton_fleet_agent_info Version.\n# TYPE jeton_fleet_agent_info gauge\n"
              "jeton_fleet_agent_info{version=\"%s\"} 1\n",
              JETON_VERSION);
    write_state(c, t);
    one(t, "rewinds_total", "counter", "Times that the database had lost changes of this host's.",
        (double)c->rewinds);
    one(t, "snapshots_total", "counter", "Times that all tokens were fetched anew.",
        (double)f->snapshots);
    one(t, "changes_total", "counter", "Changes that were handed to jetond.", (double)f->changes);
    one(t, "notifications_total", "counter", "Notifications that came.", (double)f->notified);
    one(t, "raised_total", "counter", "Changes of this host's that the database has made.",
        (double)f->raised);
    one(t, "raise_failed_total", "counter", "Changes of this host's that it has not.",
        (double)f->raise_failed);
}

/* A reader sees the file as it was, or the whole new one. */
static int write_file(const char *path, struct slice text)
{
    char new[CONFIG_FILE_MAX + 8];

    snprintf(new, sizeof(new), "%s.new", path);
    unlink(new); /* of a process that was killed meanwhile */
    int fd = open(new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return -errno;
    int error = write(fd, text.at, text.len) == (ssize_t)text.len ? 0 : errno != 0 ? -errno : -EIO;
    if (error == 0 && fchmod(fd, 0644) < 0)
        error = -errno;
    close(fd);
    if (error == 0 && rename(new, path) < 0)
        error = -errno;
    return error;
}

void metrics_tick(struct context *c, int64_t now)
{
    static int64_t at = -EACH_MS;
    static int said;
    char bytes[METRICS_TEXT_MAX];
    struct text t = text_in(bytes, sizeof(bytes));

    if (c->config->metrics[0] == '\0' || now - at < EACH_MS)
        return;
    at = now;
    metrics_write(c, &t);
    const int error = write_file(c->config->metrics, text_slice(&t));
    if (error != 0 && error != said)
        log_write(LOG_WARNING, "the metrics cannot be written to %.200s: %s", c->config->metrics,
                  strerror(-error));
    said = error;
}
