#define _GNU_SOURCE
#include "process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

uint64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void read_file(int pid, const char *name, char *into, size_t size) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
  FILE *file = fopen(path, "r");
  size_t length = file ? fread(into, 1, size - 1, file) : 0;
  into[length] = 0;
  if (file) fclose(file);
}

static long number_behind(const char *text, const char *name) {
  const char *at = strstr(text, name);
  return at ? strtol(at + strlen(name), NULL, 10) : 0;
}

struct usage usage_of(int pid) {
  struct usage usage = {0};
  char text[4096];
  if (pid == 0) return usage;
  read_file(pid, "status", text, sizeof text);
  usage.rss_kib = number_behind(text, "VmRSS:");
  usage.peak_rss_kib = number_behind(text, "VmHWM:");
  read_file(pid, "stat", text, sizeof text);
  // The name, in brackets, may hold anything; the 12th and 13th fields behind it are ticks.
  const char *behind = strrchr(text, ')');
  unsigned long user = 0, system = 0;
  if (behind)
    sscanf(behind + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
  usage.cpu = (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
  return usage;
}

double own_cpu(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

// The power of two, then 32 equal steps up to the next one.
static unsigned step_of(uint64_t ns) {
  if (ns < LATENCY_STEPS) return (unsigned)ns;
  unsigned power = 63 - (unsigned)__builtin_clzll(ns);
  return (power - 4) * LATENCY_STEPS + (unsigned)(ns >> (power - 5)) % LATENCY_STEPS;
}

static double ns_of(unsigned step) {
  if (step < LATENCY_STEPS) return step;
  unsigned power = step / LATENCY_STEPS + 4;
  return (double)(1ull << power) * (1 + (step % LATENCY_STEPS + 0.5) / LATENCY_STEPS);
}

void latencies_add(struct latencies *latencies, uint64_t ns) {
  latencies->counts[step_of(ns)]++;
  latencies->all++;
}

double latencies_part(const struct latencies *latencies, double part) {
  uint64_t wanted = (uint64_t)((double)latencies->all * part), seen = 0;
  for (unsigned step = 0; step < 64 * LATENCY_STEPS; step++) {
    seen += latencies->counts[step];
    if (seen > wanted) return ns_of(step) / 1000;
  }
  return 0;
}
