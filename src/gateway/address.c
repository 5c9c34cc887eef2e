/*
 * address.c
 *	  A client's address.
 */
#include "gateway/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

void
address_copy(struct sockaddr_storage *to, const struct sockaddr *from)
{
	struct sockaddr_in *in4 = (struct sockaddr_in *) to;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *) to;

	memset(to, 0, sizeof(*to));
	if (from->sa_family == AF_INET)
	{
		in4->sin_family = AF_INET;
		in4->sin_addr = ((const struct sockaddr_in *) from)->sin_addr;
	}
	else if (from->sa_family == AF_INET6)
	{
		const struct in6_addr *its = &((const struct sockaddr_in6 *) from)->sin6_addr;

		if (IN6_IS_ADDR_V4MAPPED(its))
		{
			in4->sin_family = AF_INET;
			memcpy(&in4->sin_addr, its->s6_addr + 12, 4);
		}
		else
		{
			in6->sin6_family = AF_INET6;
			in6->sin6_addr = *its;
		}
	}
}

bool
address_read(const char *str, size_t length, struct sockaddr_storage *to)
{
	char		word[ADDRESS_TEXT];
	struct sockaddr_in in4 = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

	if (length == 0 || length >= sizeof(word) || memchr(str, '\0', length) != NULL)
		return false;
	memcpy(word, str, length);
	word[length] = '\0';
	if (inet_pton(AF_INET, word, &in4.sin_addr) == 1)
		address_copy(to, (struct sockaddr *) &in4);
	else if (inet_pton(AF_INET6, word, &in6.sin6_addr) == 1)
		address_copy(to, (struct sockaddr *) &in6);
	else
		return false;
	return true;
}

void
address_print(const struct sockaddr *address, char str[ADDRESS_TEXT])
{
	const void *bytes = address->sa_family == AF_INET ? (const void *) &((const struct sockaddr_in *) address)->sin_addr :
		(const void *) &((const struct sockaddr_in6 *) address)->sin6_addr;

	str[0] = '\0';
	if (address->sa_family == AF_INET || address->sa_family == AF_INET6)
		(void) inet_ntop(address->sa_family, bytes, str, ADDRESS_TEXT);
}

uint64
address_key_of(char kind, const void *bytes, size_t length)
{
	static unsigned char salt[16];
	static bool salted = false;
	unsigned char digest[SHA256_DIGEST_LENGTH];
	SHA256_CTX	context;
	uint64		key;

	if (!salted)
	{
		if (RAND_bytes(salt, sizeof(salt)) != 1)
			abort();
		salted = true;
	}
	SHA256_Init(&context);
	SHA256_Update(&context, salt, sizeof(salt));
	SHA256_Update(&context, &kind, 1);
	SHA256_Update(&context, bytes, length);
	SHA256_Final(digest, &context);
	memcpy(&key, digest, sizeof(key));
	return key != 0 ? key : 1;
}

uint64
address_key(const struct sockaddr *address)
{
	struct sockaddr_storage plain;

	address_copy(&plain, address);
	if (plain.ss_family == AF_INET)
		return address_key_of('4', &((struct sockaddr_in *) &plain)->sin_addr, 4);
	if (plain.ss_family == AF_INET6)
		return address_key_of('6', &((struct sockaddr_in6 *) &plain)->sin6_addr, 8);
	return address_key_of('u', "", 0);
}
