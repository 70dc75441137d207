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

enum { MAX_VERDICTS = 4, MAX_REASONS = 32 }; // main.go compares them

// One filter of Envoy's configuration.
struct config {
  void *envoy;
  uintptr_t handle; // of what main.go knows of it
  bool all;         // requests without an Origin are decided on, too
  void *scheduler;  // null if Envoy has none
  size_t decisions[MAX_VERDICTS][MAX_REASONS]; // counters
  size_t panics;
};

// An answer in memory: that of the caller if it fits, or else to be freed.
struct answer {
  char *data;
  size_t length;
  uintptr_t rest; // the exchange that asks for its response, 0 if none does
};

// For main.go.
void corsd_log(int level, const char *text, size_t length);
bool corsd_logs(int level);
bool corsd_define_counter(void *envoy, const char *name, size_t length, size_t *id);
bool corsd_define_gauge(void *envoy, const char *name, size_t length, size_t *id);
void corsd_add(void *envoy, size_t counter, uint64_t by);
void corsd_set(void *envoy, size_t gauge, uint64_t to);
void *corsd_scheduler(void *envoy);
void corsd_schedule(void *scheduler);
void corsd_unschedule(void *scheduler);

#endif
