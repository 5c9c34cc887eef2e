/*
 * cppcheck.h: loops of PostgreSQL's headers, which cppcheck does not read, as it understands them.
 */
#define foreach(cell, list) for ((cell) = list_head(list); (cell) != NULL; (cell) = lnext(list, cell))
#define foreach_delete_current(list, cell) list_delete_cell(list, cell)
#define dlist_foreach(iter, list) for ((iter).cur = dlist_first(list); (iter).cur != NULL; (iter).cur = dlist_after((iter).cur))
#define dlist_foreach_modify(iter, list) dlist_foreach(iter, list)
#define json_object_object_foreach(object, key, value) \
	char *key; struct json_object *value; \
	while (next_member(object, &key, &value))
