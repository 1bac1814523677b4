/* Preloaded into a collector: fsync and fdatasync do not return while the file that
   DRILL_HANGS names is there, as those of a disk or a network that hangs. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

static int after_the_hang(const char *name, int file) {
    const char *hangs = getenv("DRILL_HANGS");
    while (hangs != NULL && access(hangs, F_OK) == 0)
        usleep(10000);
    return ((int (*)(int))dlsym(RTLD_NEXT, name))(file);
}

int fsync(int file) { return after_the_hang("fsync", file); }
int fdatasync(int file) { return after_the_hang("fdatasync", file); }
