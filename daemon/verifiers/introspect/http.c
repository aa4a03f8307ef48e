/* SPDX-License-Identifier: Apache-2.0 */
/* A call is a libcurl easy handle, made for one server and used again and again, with its
 * connection; those not in use are in a pool.  What every request has in common is set once, from a
 * table; a request sets its body and its time. */
#include "daemon/verifiers/introspect/http.h"

#include <curl/curl.h>
#include <malloc.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

#include "daemon/verifiers/introspect/client_auth.h"

enum {
    IDLE_MAX = 64,       /* calls kept; jetond's pool has fewer threads as a rule */
    HEADERS_MAX = 65536, /* bytes of an answer's, those of 1xx answers included */
    HOUR = 3600000,      /* milliseconds */
    BODY_MAX = 64 + 3 * (HTTP_VALUE_MAX + OPTIONS_HINT_MAX),
};

struct http_call {
    CURL *curl;
    struct http_call *next; /* in the pool */
    char error[CURL_ERROR_SIZE];
    char sent[BODY_MAX]; /* secret */
    size_t sent_length;
    size_t headers;     /* bytes seen */
    bool has_status;    /* in a line that can be read */
    const char *excess; /* what there was too much of, or NULL */
    size_t got;
    char answer[RESPONSE_MAX];
};

struct http_pool {
    const struct options *options;
    struct curl_slist *headers; /* sent with every request; secret */
    pthread_mutex_t mutex;      /* of the pool */
    struct http_call *idle;
    size_t idles;
};

int64_t monotonic_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* -- once -------------------------------------------------------------------------------------- */

/* libcurl copies what it sends, and frees that as it is: it gets memory that is wiped when freed. */
static void wiping_free(void *memory)
{
    if (memory != NULL)
        sodium_memzero(memory, malloc_usable_size(memory));
    free(memory);
}

static void *wiping_realloc(void *memory, size_t size)
{
    size_t had = memory != NULL ? malloc_usable_size(memory) : 0;
    void *new = malloc(size);

    if (new == NULL)
        return NULL;
    if (had > 0)
        memcpy(new, memory, had < size ? had : size);
    wiping_free(memory);
    return new;
}

bool http_pool_prepare(void)
{
    return curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wiping_free, wiping_realloc, strdup,
                                calloc) == CURLE_OK;
}

/* -- a handle ---------------------------------------------------------------------------------- */

static size_t take_body(char *bytes, size_t one, size_t count, void *of)
{
    struct http_call *call = of;

    if (one * count > sizeof(call->answer) - call->got) {
        call->excess = "the server's answer is longer than 64 KiB";
        return 0;
    }
    memcpy(call->answer + call->got, bytes, one * count);
    call->got += one * count;
    return one * count;
}

/* One that it cannot read libcurl takes for 200. */
static bool is_status_line(struct slice line)
{
    enum { STATUS_AT = sizeof("HTTP/1.1 ") - 1, STATUS = 3 };
    uint64_t status;

    return line.len > STATUS_AT + STATUS &&
           (slice_begins(line, "HTTP/1.1 ") || slice_begins(line, "HTTP/1.0 ")) &&
           number_parse((struct slice){ line.at + STATUS_AT, STATUS }, 999, &status) &&
           memchr(" \r\n", line.at[STATUS_AT + STATUS], 3) != NULL;
}

static size_t take_header(char *bytes, size_t one, size_t count, void *of)
{
    struct http_call *call = of;

    if (call->headers == 0 || (one * count >= 5 && strncasecmp(bytes, "HTTP/", 5) == 0))
        call->has_status = is_status_line((struct slice){ bytes, one * count });
    call->headers += one * count;
    if (call->headers <= HEADERS_MAX)
        return one * count;
    call->excess = "the server's answer has more than 64 KiB of headers";
    return 0;
}

/* The same for every server.  No proxy, no .netrc, no redirect: each would show the value and our
 * secret to somebody else. */
static const struct {
    CURLoption option;
    long number;
} numbers[] = {
    { CURLOPT_NOSIGNAL, 1 },
    { CURLOPT_QUICK_EXIT, 1 }, /* does not wait beyond the deadline for a hung resolver */
    { CURLOPT_FOLLOWLOCATION, 0 },
    { CURLOPT_NETRC, CURL_NETRC_IGNORED },
    { CURLOPT_SSL_VERIFYPEER, 1 },
    { CURLOPT_SSL_VERIFYHOST, 2 },
    { CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2 },
    { CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1 },
    { CURLOPT_MAXCONNECTS, 1 },
    { CURLOPT_TCP_KEEPALIVE, 1 },
    { CURLOPT_POST, 1 },
};

static bool set_numbers(CURL *curl)
{
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        if (curl_easy_setopt(curl, numbers[i].option, numbers[i].number) != CURLE_OK)
            return false;
    return true;
}

static bool set_server(CURL *curl, const struct http_pool *c)
{
    const struct options *o = c->options;
    struct curl_blob ca = { o->ca, o->ca_length, CURL_BLOB_NOCOPY };

    return curl_easy_setopt(curl, CURLOPT_URL, o->url) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, o->scheme) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, o->socket) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HTTPHEADER, c->headers) == CURLE_OK &&
           /* Instead of the system's, of which libcurl knows a file and a folder. */
           (o->ca == NULL || (curl_easy_setopt(curl, CURLOPT_CAPATH, NULL) == CURLE_OK &&
                              curl_easy_setopt(curl, CURLOPT_CAINFO, NULL) == CURLE_OK &&
                              curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &ca) == CURLE_OK));
}

static bool set_receiver(CURL *curl, struct http_call *call)
{
    return curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, call->error) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEDATA, call) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HEADERDATA, call) == CURLE_OK;
}

static void http_free(struct http_call *call)
{
    curl_easy_cleanup(call->curl);
    free(call);
}

static struct http_call *http_new(const struct http_pool *c)
{
    struct http_call *call = calloc(1, sizeof(*call));

    if (call == NULL)
        return NULL;
    call->curl = curl_easy_init();
    if (call->curl != NULL && set_numbers(call->curl) && set_server(call->curl, c) &&
        set_receiver(call->curl, call))
        return call;
    http_free(call);
    return NULL;
}

/* -- the pool ---------------------------------------------------------------------------------- */

static bool add_header(struct http_pool *c, const char *line)
{
    struct curl_slist *longer = line != NULL ? curl_slist_append(c->headers, line) : c->headers;

    c->headers = longer != NULL ? longer : c->headers;
    return line == NULL || longer != NULL;
}

struct http_pool *http_pool_new(const struct options *o)
{
    struct http_pool *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    c->options = o;
    pthread_mutex_init(&c->mutex, NULL);
    if (add_header(c, "Accept: application/json") && add_header(c, "Expect:") &&
        add_header(c, o->authorization))
        return c;
    http_pool_free(c);
    return NULL;
}

void http_pool_free(struct http_pool *c)
{
    if (c == NULL)
        return;
    for (struct http_call *call = c->idle, *next; call != NULL; call = next) {
        next = call->next;
        http_free(call);
    }
    curl_slist_free_all(c->headers);
    pthread_mutex_destroy(&c->mutex);
    free(c);
}

struct http_call *http_pool_take(struct http_pool *c)
{
    pthread_mutex_lock(&c->mutex);
    struct http_call *call = c->idle;
    if (call != NULL) {
        c->idle = call->next;
        c->idles--;
    }
    pthread_mutex_unlock(&c->mutex);
    return call != NULL ? call : http_new(c);
}

/* It may say the value again. */
static void wipe_answer(struct http_call *call)
{
    sodium_memzero(call->answer, call->got);
    call->got = call->headers = 0;
    call->has_status = false;
}

void http_pool_give(struct http_pool *c, struct http_call *call)
{
    if (call == NULL)
        return;
    sodium_memzero(call->sent, call->sent_length);
    call->sent_length = 0;
    wipe_answer(call);
    pthread_mutex_lock(&c->mutex);
    bool full = c->idles == IDLE_MAX;
    if (!full) {
        call->next = c->idle;
        c->idle = call;
        c->idles++;
    }
    pthread_mutex_unlock(&c->mutex);
    if (full)
        http_free(call);
}

/* -- a request --------------------------------------------------------------------------------- */

static bool set_request(struct http_call *call, const char *hint, struct slice value)
{
    struct text body = text_in(call->sent, sizeof(call->sent));

    text_adds(&body, "token=");
    form_encode(&body, value);
    if (hint != NULL) {
        text_adds(&body, "&token_type_hint=");
        form_encode(&body, slice_of(hint));
    }
    call->sent_length = body.len;
    return !body.cut &&
           curl_easy_setopt(call->curl, CURLOPT_POSTFIELDSIZE, (long)body.len) == CURLE_OK &&
           curl_easy_setopt(call->curl, CURLOPT_POSTFIELDS, call->sent) == CURLE_OK;
}

static CURLcode perform(struct http_call *call, int64_t deadline, bool anew)
{
    int64_t milliseconds = (deadline - monotonic_now()) / 1000000;

    if (milliseconds <= 0) /* 0 would be for ever */
        return CURLE_OPERATION_TIMEDOUT;
    if (milliseconds > HOUR)
        milliseconds = HOUR;
    call->error[0] = '\0';
    call->excess = NULL;
    wipe_answer(call);
    curl_easy_setopt(call->curl, CURLOPT_TIMEOUT_MS, (long)milliseconds);
    curl_easy_setopt(call->curl, CURLOPT_CONNECTTIMEOUT_MS, (long)milliseconds);
    curl_easy_setopt(call->curl, CURLOPT_FRESH_CONNECT, (long)anew);
    return curl_easy_perform(call->curl);
}

/* The server may close a connection that was kept just when it is used again.  libcurl sees that
 * and connects anew, but not always: it counts such cases over the life of a handle (7.88), and
 * every few of them is an error.  To ask twice does no harm. */
static bool kept_one_died(struct http_call *call, CURLcode code)
{
    long made = 0;

    return (code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR || code == CURLE_GOT_NOTHING) &&
           curl_easy_getinfo(call->curl, CURLINFO_NUM_CONNECTS, &made) == CURLE_OK && made == 0;
}

/* application/json, with or without parameters. */
static bool is_json(const char *type)
{
    static const char json[] = "application/json";

    return type != NULL && strncasecmp(type, json, sizeof(json) - 1) == 0 &&
           (type[sizeof(json) - 1] == '\0' || strchr("; \t", type[sizeof(json) - 1]) != NULL);
}

static void transport_error(struct http_call *call, CURLcode code, struct result *j)
{
    if (code == CURLE_OPERATION_TIMEDOUT) {
        result_error(j, "the server did not answer in time");
        j->late = true;
    } else if (call->excess != NULL) {
        result_error(j, "%s", call->excess);
    } else {
        result_error(j, "the server could not be asked: %s",
                     call->error[0] != '\0' ? call->error : curl_easy_strerror(code));
    }
}

/* What the one who reads the log can do about a status. */
static const struct {
    long status;
    const char *hint;
} statuses[] = {
    { 400, ": it finds the request wrong; or it does not know the client" },
    { 401, ": it does not accept our credentials (client_id=, secret_file=, bearer_file=)" },
    { 403, ": it does not let this client introspect" },
    { 404, ": nothing is there (url=)" },
    { 429, ": we ask too often (cache=)" },
};

static void status_error(long status, struct result *j)
{
    const char *hint = status / 100 == 3 ? ": redirects are not followed (url=)" : "";

    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
        if (statuses[i].status == status)
            hint = statuses[i].hint;
    result_error(j, "the server answered with status %ld%s", status, hint);
}

bool http_ask(struct http_call *call, const char *hint, struct slice value, int64_t deadline,
              struct slice *body, struct result *j)
{
    char *type = NULL;
    long status = 0;

    if (!set_request(call, hint, value)) {
        result_error(j, "out of memory");
        return false;
    }
    CURLcode code = perform(call, deadline, false);
    if (kept_one_died(call, code))
        code = perform(call, deadline, true);
    curl_easy_getinfo(call->curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(call->curl, CURLINFO_CONTENT_TYPE, &type);
    if (code != CURLE_OK)
        transport_error(call, code, j);
    else if (!call->has_status)
        result_error(j, "the server could not be asked: its answer is not HTTP/1");
    else if (status != 200)
        status_error(status, j);
    else if (!is_json(type))
        result_error(j, "the server's answer is not application/json");
    *body = (struct slice){ call->answer, call->got };
    return code == CURLE_OK && call->has_status && status == 200 && is_json(type);
}
