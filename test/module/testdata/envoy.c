// A stand-in for Envoy: it calls the hooks of the dynamic module with random requests and responses, in several
// threads, and keeps every header in memory of its own, without a byte after it, so that an address sanitizer sees each
// read beyond. Meanwhile it changes the file POLICY. Usage: envoy POLICY THREADS REQUESTS.

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "abi.h"

#define HOOK(type, name) extern type envoy_dynamic_module_on_##name
HOOK(const char *, program_init)(void);
HOOK(const void *, http_filter_config_new)(void *envoy, struct text name, struct text config);
HOOK(void, http_filter_config_destroy)(const void *config);
HOOK(void, http_filter_config_scheduled)(void *envoy, const void *config, uint64_t event);
HOOK(const void *, http_filter_per_route_config_new)(struct text name, struct text config);
HOOK(void, http_filter_per_route_config_destroy)(const void *config);
HOOK(const void *, http_filter_new)(const void *config, void *filter);
HOOK(void, http_filter_destroy)(const void *stream);
HOOK(int, http_filter_request_headers)(void *filter, const void *stream, bool end);
HOOK(int, http_filter_response_headers)(void *filter, const void *stream, bool end);

static const char *page = "https://www.shop.example", *evil = "https://evil.example";

// A header map: lines in memory of their own.
struct map {
  struct header lines[512];
  size_t count;
};

// A filter of one exchange.
struct filter {
  struct map request, response;
  const void *route;
  bool answered;
};

static void fail(const char *what) {
  fprintf(stderr, "envoy: %s\n", what);
  exit(1);
}

static struct text copy(struct text t) {
  char *data = malloc(t.length); // of exactly this size
  if (t.length > 0) {
    memcpy(data, t.data, t.length);
  }
  return (struct text){data, t.length};
}

static struct text word(const char *s) { return (struct text){s, strlen(s)}; }

static bool equal(struct text a, struct text b) {
  return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

static void add(struct map *m, struct text name, struct text value) {
  if (m->count == sizeof m->lines / sizeof *m->lines) {
    fail("too many headers");
  }
  m->lines[m->count++] = (struct header){copy(name), copy(value)};
}

static void drop(struct map *m, struct text name) {
  size_t kept = 0;
  struct text wanted = copy(name); // the name may be that of a line
  for (size_t i = 0; i < m->count; i++) {
    if (equal(m->lines[i].name, wanted)) {
      free((char *)m->lines[i].name.data);
      free((char *)m->lines[i].value.data);
    } else {
      m->lines[kept++] = m->lines[i];
    }
  }
  m->count = kept;
  free((char *)wanted.data);
}

static void clear(struct map *m) {
  while (m->count > 0) {
    drop(m, m->lines[0].name);
  }
}

static struct map *map_of(struct filter *f, enum header_type type) {
  return type == REQUEST_HEADER ? &f->request : &f->response;
}

#define CALL(type, name) type envoy_dynamic_module_callback_##name

CALL(bool, http_get_header)(void *filter, enum header_type type, struct text name, struct text *value, size_t index,
                            size_t *count) {
  struct map *m = map_of(filter, type);
  size_t found = 0;
  *value = (struct text){NULL, 0};
  for (size_t i = 0; i < m->count; i++) {
    if (equal(m->lines[i].name, name) && found++ == index) {
      *value = m->lines[i].value;
    }
  }
  if (count != NULL) {
    *count = found;
  }
  return found > index;
}

CALL(size_t, http_get_headers_size)(void *filter, enum header_type type) { return map_of(filter, type)->count; }

CALL(bool, http_get_headers)(void *filter, enum header_type type, struct header *headers) {
  struct map *m = map_of(filter, type);
  memcpy(headers, m->lines, m->count * sizeof *headers);
  return true;
}

CALL(bool, http_set_header)(void *filter, enum header_type type, struct text name, struct text value) {
  struct map *m = map_of(filter, type);
  struct text own_name = copy(name), own_value = copy(value);
  drop(m, name);
  if (value.data != NULL) {
    add(m, own_name, own_value);
  }
  free((char *)own_name.data);
  free((char *)own_value.data);
  return true;
}

CALL(void, http_send_response)(void *filter, uint32_t status, struct header *headers, size_t count, struct text body,
                               struct text details) {
  struct filter *f = filter;
  if (f->answered || status < 200 || status > 599 || body.length != 0 || details.length < 6) {
    fail("a wrong response");
  }
  f->answered = true;
  clear(&f->response);
  for (size_t i = 0; i < count; i++) {
    add(&f->response, headers[i].name, headers[i].value);
  }
}

static size_t sum; // so that nothing that the module passes is left unread

static void read_all(struct text t) {
  for (size_t i = 0; i < t.length; i++) {
    __atomic_add_fetch(&sum, (unsigned char)t.data[i], __ATOMIC_RELAXED);
  }
}

CALL(void, http_set_dynamic_metadata_string)(void *filter, struct text space, struct text key, struct text value) {
  (void)filter;
  read_all(space), read_all(key), read_all(value);
}

CALL(void, http_set_dynamic_metadata_string_batch)(void *filter, struct text space, const struct header *entries,
                                                   size_t count) {
  for (size_t i = 0; i < count; i++) {
    envoy_dynamic_module_callback_http_set_dynamic_metadata_string(filter, space, entries[i].name, entries[i].value);
  }
}

CALL(const void *, get_most_specific_route_config)(void *filter) { return ((struct filter *)filter)->route; }

static size_t counters[256], defined;

static int define(size_t *id) {
  if (defined == sizeof counters / sizeof *counters) {
    fail("too many counters");
  }
  *id = defined++;
  return 0;
}

static size_t panics; // the number of its counter

CALL(int, http_filter_config_define_counter)(void *config, struct text name, struct text *labels, size_t count,
                                             size_t *id) {
  (void)config, (void)labels, (void)count;
  int failed = define(id);
  if (equal(name, word("panics"))) {
    panics = *id;
  }
  return failed;
}

CALL(int, http_filter_config_define_gauge)(void *config, struct text name, struct text *labels, size_t count,
                                           size_t *id) {
  (void)config, (void)labels, (void)count, read_all(name);
  return define(id);
}

CALL(int, http_filter_increment_counter)(void *filter, size_t id, struct text *labels, size_t count, uint64_t by) {
  (void)filter, (void)labels, (void)count;
  __atomic_add_fetch(&counters[id], by, __ATOMIC_RELAXED);
  return 0;
}

CALL(int, http_filter_config_increment_counter)(void *config, size_t id, struct text *labels, size_t count,
                                                uint64_t by) {
  return envoy_dynamic_module_callback_http_filter_increment_counter(config, id, labels, count, by);
}

CALL(int, http_filter_config_set_gauge)(void *config, size_t id, struct text *labels, size_t count, uint64_t to) {
  (void)config, (void)labels, (void)count, (void)to;
  return id < defined ? 0 : 1;
}

static uint64_t scheduled;
static int scheduler;

CALL(void *, http_filter_config_scheduler_new)(void *config) { return config ? &scheduler : NULL; }

CALL(void, http_filter_config_scheduler_commit)(void *s, uint64_t event) {
  (void)event;
  if (s != &scheduler) {
    fail("an unknown scheduler");
  }
  __atomic_add_fetch(&scheduled, 1, __ATOMIC_RELAXED);
}

CALL(void, http_filter_config_scheduler_delete)(void *s) { (void)s; }

CALL(bool, log_enabled)(enum log_level level) { return level >= LOG_INFO; }

CALL(void, log)(enum log_level level, struct text message) {
  read_all(message);
  if (level >= LOG_ERROR) {
    fprintf(stderr, "%.*s\n", (int)message.length, message.data);
  }
}

// Random exchanges.

#define PICK(seed, ...) \
  ((const char *[]){__VA_ARGS__})[rand_r(seed) % (sizeof((const char *[]){__VA_ARGS__}) / sizeof(const char *))]

static void draw_request(struct filter *f, unsigned *seed) {
  struct map *m = &f->request;
  add(m, word(":method"), word(PICK(seed, "GET", "OPTIONS", "PUT", "CONNECT", "")));
  add(m, word(":scheme"), word(PICK(seed, "https", "http")));
  add(m, word(":authority"), word(PICK(seed, "api.shop.example", "block.shop.example", "merge.shop.example",
                                      "preserve.shop.example", "shadow.shop.example", "other.example", "")));
  add(m, word(":path"), word(PICK(seed, "/", "/cart?a=b", "/catalogue", "/a;b", "", "?")));
  for (int i = rand_r(seed) % 3; i > 0; i--) {
    add(m, word("origin"), word(PICK(seed, page, evil, "null", "", "https://\xff", "x")));
  }
  if (rand_r(seed) % 2) {
    add(m, word("access-control-request-method"), word(PICK(seed, "GET", "PUT", "", "a b")));
    add(m, word("access-control-request-headers"), word(PICK(seed, "x-trace", "content-type,x-a", ",,", "")));
  }
  if (rand_r(seed) % 100 == 0) { // more than the module has room for
    char *large = malloc(5000);
    memset(large, 'a', 5000);
    add(m, word("access-control-request-headers"), (struct text){large, 5000});
    free(large);
    for (int i = 0; i < 200; i++) {
      add(m, word("x-more"), word("y"));
    }
  }
}

static void draw_response(struct filter *f, unsigned *seed) {
  struct map *m = &f->response;
  add(m, word(":status"), word(PICK(seed, "200", "101", "304", "404", "")));
  for (int i = rand_r(seed) % 4; i > 0; i--) {
    add(m, word("vary"), word(PICK(seed, "accept", "Origin", "*", "", " a ,origin", ",")));
  }
  for (int i = rand_r(seed) % 8; i > 0; i--) {
    add(m, word(PICK(seed, "access-control-allow-origin", "access-control-x", "access-control-", "access-control-allow-headers")),
        word(PICK(seed, "*", evil, "")));
  }
  if (rand_r(seed) % 50 == 0) { // names that do not fit into one round of strip
    for (int i = 0; i < 120; i++) {
      char name[64];
      snprintf(name, sizeof name, "access-control-%040d", i);
      add(m, word(name), word("x"));
    }
  }
}

static const void *config, *route;
static unsigned long requests;

// check: no response lets the page of evil read, where the policy is enforced.
static void check(struct filter *f) {
  struct text host, status, reader;
  envoy_dynamic_module_callback_http_get_header(f, REQUEST_HEADER, word(":authority"), &host, 0, NULL);
  envoy_dynamic_module_callback_http_get_header(f, RESPONSE_HEADER, word(":status"), &status, 0, NULL);
  envoy_dynamic_module_callback_http_get_header(f, RESPONSE_HEADER, word("access-control-allow-origin"), &reader, 0, NULL);
  bool governed = equal(host, word("api.shop.example")) || equal(host, word("block.shop.example"));
  if (governed && f->route == NULL && !equal(status, word("101")) && equal(reader, word(evil))) {
    fail("the page of evil may read");
  }
}

static void *work(void *arg) {
  unsigned seed = (unsigned)(uintptr_t)arg;
  struct filter *f = calloc(1, sizeof *f);
  for (unsigned long i = 0; i < requests; i++) {
    f->route = rand_r(&seed) % 5 ? NULL : route;
    f->answered = false;
    draw_request(f, &seed);
    const void *stream = envoy_dynamic_module_on_http_filter_new(config, f);
    int stop = envoy_dynamic_module_on_http_filter_request_headers(f, stream, true);
    if (stop != f->answered) {
      fail("the request stops, and is not answered, or the reverse");
    }
    if (!f->answered && rand_r(&seed) % 10) { // some clients are gone by then
      draw_response(f, &seed);
      envoy_dynamic_module_on_http_filter_response_headers(f, stream, true);
      struct text origin;
      if (envoy_dynamic_module_callback_http_get_header(f, REQUEST_HEADER, word("origin"), &origin, 0, NULL) && origin.length > 0) {
        check(f);
      }
    }
    envoy_dynamic_module_on_http_filter_destroy(stream);
    clear(&f->request), clear(&f->response);
  }
  free(f);
  return NULL;
}

// reload changes the file of the policies while the threads work, and calls the hook that the module has scheduled.
static void reload(const char *policy) {
  uint64_t before = __atomic_load_n(&scheduled, __ATOMIC_RELAXED);
  for (int i = 0; i < 2; i++) {
    FILE *file = fopen(policy, "a");
    if (file == NULL || fprintf(file, "# changed\n") < 0 || fclose(file) != 0) {
      fail("the policies cannot be changed");
    }
    sleep(1); // a file is read when it is left alone
    envoy_dynamic_module_on_http_filter_config_scheduled(&scheduler, config, 0);
  }
  if (__atomic_load_n(&scheduled, __ATOMIC_RELAXED) == before) {
    fail("a change of the policies was not noticed");
  }
}

int main(int argc, char **argv) {
  if (argc != 4 || envoy_dynamic_module_on_program_init() == NULL) {
    fail("usage: envoy POLICY THREADS REQUESTS; or the module lacks a callback");
  }
  char text[4096];
  snprintf(text, sizeof text, "{\"policy\": [\"%s\"]}", argv[1]);
  for (int generation = 0; generation < 2; generation++) { // as Envoy at a listener's update
    config = envoy_dynamic_module_on_http_filter_config_new(&scheduler, word("corsd"), word(text));
    route = envoy_dynamic_module_on_http_filter_per_route_config_new(word("corsd"), word("{\"policy\": \"shop\"}"));
    if (config == NULL || route == NULL) {
      fail("the configuration is refused");
    }
    if (envoy_dynamic_module_on_http_filter_config_new(&scheduler, word("corsd"), (struct text){NULL, 0}) != NULL) {
      fail("no configuration is accepted");
    }
    requests = strtoul(argv[3], NULL, 10);
    pthread_t threads[64];
    int n = atoi(argv[2]);
    for (int i = 0; i < n; i++) {
      pthread_create(&threads[i], NULL, work, (void *)(uintptr_t)(i + 64 * generation));
    }
    reload(argv[1]);
    for (int i = 0; i < n; i++) {
      pthread_join(threads[i], NULL);
    }
    envoy_dynamic_module_on_http_filter_config_scheduled(&scheduler, config, 0);
    envoy_dynamic_module_on_http_filter_per_route_config_destroy(route);
    envoy_dynamic_module_on_http_filter_config_destroy(config);
  }
  if (counters[panics] > 0) {
    fail("a panic was contained");
  }
  size_t decisions = 0;
  for (size_t i = 0; i < defined; i++) {
    decisions += counters[i];
  }
  printf("%zu\n", decisions);
  return 0;
}
