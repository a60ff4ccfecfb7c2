// A disk whose sync takes longer, for LD_PRELOAD: SYNC_EXTRA_MS milliseconds before each fsync and fdatasync. The thread that
// calls it sleeps, as it does for a slow disk.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

static void wait_more(void) {
  const char *text = getenv("SYNC_EXTRA_MS");
  double milliseconds = text ? atof(text) : 0;
  struct timespec time = {.tv_sec = (time_t)(milliseconds / 1000)};
  time.tv_nsec = (long)((milliseconds - (double)time.tv_sec * 1000) * 1e6);
  if (milliseconds > 0) nanosleep(&time, NULL);
}

int fsync(int file) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  wait_more();
  return real(file);
}

int fdatasync(int file) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  wait_more();
  return real(file);
}
