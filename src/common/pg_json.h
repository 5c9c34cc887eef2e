/*
 * pg_json.h
 *	  json-c beside the server's utils/builtins.h.
 *
 * Both declare json_object (a type there, a function here); the server's
 * function gets another name while its header is read.
 */
#ifndef CDC_PG_JSON_H
#define CDC_PG_JSON_H

#include "postgres.h"
#define json_object cdc_server_json_object
#include "utils/builtins.h"
#undef json_object
#include <json-c/json.h>

#endif							/* CDC_PG_JSON_H */
