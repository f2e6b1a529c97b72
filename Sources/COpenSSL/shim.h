#ifndef JR_COPENSSL_SHIM_H
#define JR_COPENSSL_SHIM_H

// SHA-1 names Lua scripts (EVALSHA); TLS and signing use the rest.
#include <openssl/evp.h>
#include <openssl/sha.h>

#endif
