/* The limit: reads files, and hashes them with OpenSSL's SHA-256, on as many threads as asked for.
 *
 *     cc -O2 -o limit limit.c -lcrypto -lpthread && find TREE -type f -print0 | ./limit THREADS
 */
#include <fcntl.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER (256 << 10)

static char **paths;
static long count;
static atomic_long next_path;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void *work(void *unused) {
    unsigned char digest[32], *buffer = aligned_alloc(4096, BUFFER);
    EVP_MD *sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    struct stat status;
    long each;
    while ((each = atomic_fetch_add(&next_path, 1)) < count) {
        int fd = open(paths[each], O_RDONLY);
        ssize_t got;
        if (fd < 0) fail(paths[each]);
        EVP_DigestInit_ex2(context, sha256, NULL);
        while ((got = read(fd, buffer, BUFFER)) > 0) EVP_DigestUpdate(context, buffer, got);
        if (got < 0 || fstat(fd, &status)) fail(paths[each]);
        EVP_DigestFinal_ex(context, digest, NULL);
        close(fd);
    }
    return unused;
}

int main(int argc, char **argv) {
    int threads = argc > 1 ? atoi(argv[1]) : 1;
    pthread_t thread[256];
    char *line = NULL;
    size_t room = 0;
    long most = 0;
    if (threads < 1 || threads > 256) return 2;
    while (getdelim(&line, &room, 0, stdin) > 0) {
        if (count == most && !(paths = realloc(paths, (most = most ? 2 * most : 1024) * sizeof *paths))) fail("paths");
        paths[count++] = strdup(line);
    }
    for (int each = 0; each < threads; each++)
        if (pthread_create(thread + each, NULL, work, NULL)) fail("thread");
    for (int each = 0; each < threads; each++) pthread_join(thread[each], NULL);
    return 0;
}
