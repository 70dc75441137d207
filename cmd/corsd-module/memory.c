// Decisions that a worker remembers. A decision has no input but those of the key: the fields of policy.Request, the
// route's selector, and the policies, by their generation. memory_test.go compares the names with pkg/policy.
//
// Only a decision that leaves nothing to do in Go is remembered: the response need not be seen, and nothing is refused,
// since each refusal may be logged. The memory is a table in which a new entry replaces an old one.

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "module.h"

enum { ENTRIES = 1024, MAX_KEY = 1024, MAX_REMEMBERED = 1024 }; // 2 MB for each worker at most

struct entry {
  uint64_t hash, generation;
  uint32_t key_length, length;
  char *bytes; // the key, and then the answer; null if the entry is empty
};

// A thread-local variable must be small: glibc has little room for those of libraries that are loaded late.
static __thread struct entry *entries;

// forget frees the memory of a thread that ends.
static void forget(void *ended) {
  struct entry *list = ended;
  for (size_t i = 0; i < ENTRIES; i++) {
    free(list[i].bytes);
  }
  free(list);
}

static pthread_key_t at_end;

static void make_key(void) { pthread_key_create(&at_end, forget); }

// begin_memory returns false if there is no memory.
static bool begin_memory(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, make_key);
  entries = calloc(ENTRIES, sizeof *entries);
  return entries != NULL && pthread_setspecific(at_end, entries) == 0;
}

// The headers that decisions are made from.
static const struct text inputs[] = {
    TEXT(":method"),
    TEXT(":scheme"),
    TEXT(":authority"),
    TEXT(":path"),
    TEXT(":protocol"),
    TEXT("origin"),
    TEXT("upgrade"),
    TEXT("sec-fetch-site"),
    TEXT("access-control-request-method"),
    TEXT("access-control-request-headers"),
    TEXT("access-control-request-private-network"),
};

static bool equal(struct text a, struct text b) {
  return a.length == b.length && memcmp(a.data, b.data, a.length) == 0;
}

// input_of returns the number of the input that has the name, 0 if none has.
static uint32_t input_of(struct text name) {
  for (uint32_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
    if (equal(name, inputs[i])) {
      return i + 1;
    }
  }
  return 0;
}

// append appends a part to a key: its number, its length and its text, so that no two keys have the same bytes. It
// returns false if there is no room.
static bool append(struct key *key, uint32_t number, struct text text) {
  uint32_t head[] = {number, (uint32_t)text.length};
  if (text.length > MAX_KEY || key->length + sizeof head + text.length > sizeof key->bytes) {
    return false;
  }
  memcpy(key->bytes + key->length, head, sizeof head);
  memcpy(key->bytes + key->length + sizeof head, text.data, text.length);
  key->length += sizeof head + text.length;
  return true;
}

// hash_of returns FNV-1a, by words of 8 bytes.
static uint64_t hash_of(const char *bytes, size_t length) {
  uint64_t hash = 14695981039346656037u, word;
  for (; length >= sizeof word; bytes += sizeof word, length -= sizeof word) {
    memcpy(&word, bytes, sizeof word);
    hash = (hash ^ word) * 1099511628211u;
    hash ^= hash >> 29;
  }
  for (; length > 0; bytes++, length--) {
    hash = (hash ^ (unsigned char)*bytes) * 1099511628211u;
  }
  return hash ^ hash >> 32;
}

bool corsd_key(struct key *key, uint64_t generation, const struct text *route, const struct header *headers,
               size_t count) {
  key->length = 0;
  key->generation = generation;
  if (route != NULL && !append(key, 0, *route)) {
    return false;
  }
  for (size_t i = 0; i < count; i++) {
    uint32_t input = input_of(headers[i].name);
    struct text value = headers[i].value;
    if (equal(headers[i].name, TEXT(":path"))) { // no decision is made from the query
      const char *query = value.length > 0 ? memchr(value.data, '?', value.length) : NULL;
      value.length = query ? (size_t)(query - value.data) : value.length;
    }
    if (input != 0 && !append(key, input, value)) {
      return false;
    }
  }
  key->hash = hash_of(key->bytes, key->length);
  return true;
}

bool corsd_recall(const struct key *key, struct answer *a) {
  if (entries == NULL) {
    return false;
  }
  struct entry *e = &entries[key->hash % ENTRIES];
  if (e->bytes == NULL || e->hash != key->hash || e->generation != key->generation || e->key_length != key->length ||
      memcmp(e->bytes, key->bytes, key->length) != 0) {
    return false;
  }
  *a = (struct answer){e->bytes + e->key_length, e->length, 0, false};
  return true;
}

void corsd_remember(const struct key *key, const struct answer *a) {
  struct head head;
  memcpy(&head, a->data, sizeof head);
  if (head.kind == ASK || head.verdict == DENY || (head.flags & PANICKED) || a->length > MAX_REMEMBERED) {
    return;
  }
  if (entries == NULL && !begin_memory()) {
    return;
  }
  struct entry *e = &entries[key->hash % ENTRIES];
  char *bytes = realloc(e->bytes, key->length + a->length);
  if (bytes == NULL) {
    return; // the entry is as it was
  }
  memcpy(bytes, key->bytes, key->length);
  memcpy(bytes + key->length, a->data, a->length);
  *e = (struct entry){key->hash, key->generation, (uint32_t)key->length, (uint32_t)a->length, bytes};
}
