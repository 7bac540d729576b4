/* Gives a program another time of day than the machine's, by LD_PRELOAD. The file that CLOCK names says which:
   "+ 86400" is a day ahead, "= 1700000000" is always that second. Time that only measures spans stays true. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *now)
{
    static int (*real)(clockid_t, struct timespec *);
    if (!real)
        real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, now);
    if (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)
        return result;
    FILE *file = fopen(getenv("CLOCK"), "r");
    if (!file)
        return result;
    char how;
    long seconds;
    if (fscanf(file, "%c %ld", &how, &seconds) == 2) {
        now->tv_sec = how == '=' ? seconds : now->tv_sec + seconds;
        if (how == '=')
            now->tv_nsec = 0;
    }
    fclose(file);
    return result;
}
