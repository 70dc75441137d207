// What the two halves of the module know of each other: hooks.c, which Envoy calls, and main.go, which
// decides.
#ifndef CORSD_MODULE_H
#define CORSD_MODULE_H

#include "abi.h"

// Answers of pkg/dynmodule, which has the comments. main.go compares the numbers.
enum kind { UNTOUCHED, EDIT, ASK, RESPOND };
enum flag { STRIP = 1, VARY_ORIGIN = 2, PANICKED = 4 };
enum op { SET, REMOVE, FACT, DETAILS };

struct head {
  uint8_t kind, flags, verdict, reason;
  uint32_t status;
};

struct item {
  uint32_t op, name, value; // and then the name and the value
};

enum { DENY = 2 };                             // a verdict

enum { MAX_VERDICTS = 4, MAX_REASONS = 32 }; // main.go compares them

// One filter of Envoy's configuration.
struct config {
  void *envoy;
  uintptr_t handle; // of what main.go knows of it
  uint64_t generation; // of the policies, unique in the process; read and written atomically
  bool all;            // requests without an Origin are decided on, too
  bool remembers;      // decisions
  void *scheduler;  // null if Envoy has none
  size_t decisions[MAX_VERDICTS][MAX_REASONS]; // counters
  size_t panics;
};

// An answer in memory: that of the caller if it fits, or else to be freed.
struct answer {
  char *data;
  size_t length;
  uintptr_t rest; // the exchange that asks for its response, 0 if none does
  bool allocated; // data is to be freed
};

// What a decision depends on.
struct key {
  uint64_t hash, generation;
  size_t length;
  char bytes[1024];
};

#define TEXT(literal) ((struct text){literal, sizeof(literal) - 1})
enum { STACK_HEADERS = 96 };

// edit.c

// corsd_read_headers returns the headers of a message: in own, which has STACK_HEADERS, or else to be freed. It returns
// null if there is no memory.
struct header *corsd_read_headers(void *filter, enum header_type type, struct header *own, size_t *count);
// corsd_edit edits the response by an answer.
void corsd_edit(void *filter, const char *answer, size_t length);
// corsd_respond answers in upstream's place.
void corsd_respond(void *filter, const char *answer, size_t length);
// corsd_report counts the decision and makes it dynamic metadata, as in %DYNAMIC_METADATA(corsd:reason)%.
void corsd_report(void *filter, const struct config *c, const char *answer, size_t length);

// memory.c

// corsd_key returns false if the request is too large to be remembered.
bool corsd_key(struct key *key, uint64_t generation, const struct text *route, const struct header *headers,
               size_t count);
// corsd_recall returns what this worker remembers. The answer lasts until it remembers another.
bool corsd_recall(const struct key *key, struct answer *a);
// corsd_remember remembers an answer, unless Go is needed for it.
void corsd_remember(const struct key *key, const struct answer *a);

// calls.c, for main.go
void corsd_log(int level, const char *text, size_t length);
bool corsd_logs(int level);
bool corsd_validates(void);
bool corsd_define_counter(void *envoy, const char *name, size_t length, size_t *id);
bool corsd_define_gauge(void *envoy, const char *name, size_t length, size_t *id);
void corsd_add(void *envoy, size_t counter, uint64_t by);
void corsd_set(void *envoy, size_t gauge, uint64_t to);
void *corsd_scheduler(void *envoy);
void corsd_schedule(void *scheduler);
void corsd_unschedule(void *scheduler);

#endif
