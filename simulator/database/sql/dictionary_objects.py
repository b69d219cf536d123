"""DBA_, ALL_ and USER_ views of objects other than tables: indexes, views, sequences, synonyms."""

from __future__ import annotations

from typing import Final

_LIVE = "o.kind = 'TABLE' AND o.definition ->> 'dropped_name' IS NULL"
_KEYS = f"objects o, json_each(o.definition, '$.constraints') k WHERE {_LIVE} AND k.value ->> 'kind' IN ('P', 'U')"
_NOT_BINNED = "i.kind = 'INDEX' AND i.definition ->> 'table' NOT LIKE 'BIN$%'"
_PLAIN = "e.value NOT GLOB '*[^A-Za-z0-9_$#]*'"

# (family, columns with types, the query that gives them in this order); owner first, name second
OBJECT_VIEWS: Final[tuple[tuple[str, str, str], ...]] = (
    (
        "INDEXES",
        """OWNER INDEX_NAME INDEX_TYPE TABLE_OWNER TABLE_NAME TABLE_TYPE UNIQUENESS COMPRESSION PREFIX_LENGTH:number
        TABLESPACE_NAME STATUS GENERATED VISIBILITY""",
        f"""SELECT i.owner, i.name,
        CASE WHEN EXISTS (SELECT 1 FROM json_each(i.definition, '$.expressions') e WHERE NOT {_PLAIN})
          THEN 'FUNCTION-BASED NORMAL' ELSE 'NORMAL' END,
        i.definition ->> 'table_owner', i.definition ->> 'table', 'TABLE',
        CASE i.definition ->> 'unique' WHEN 1 THEN 'UNIQUE' ELSE 'NONUNIQUE' END, 'DISABLED', NULL, 'DATA',
        'VALID', 'N', 'VISIBLE' FROM objects i WHERE {_NOT_BINNED}
        UNION ALL SELECT o.owner, k.value ->> 'name', 'NORMAL', o.owner, o.name, 'TABLE', 'UNIQUE', 'DISABLED', NULL,
        'DATA', 'VALID', CASE k.value ->> 'generated' WHEN 1 THEN 'Y' ELSE 'N' END, 'VISIBLE' FROM {_KEYS}""",
    ),
    (
        "IND_COLUMNS",
        "INDEX_OWNER INDEX_NAME TABLE_OWNER TABLE_NAME COLUMN_NAME COLUMN_POSITION:number DESCEND",
        f"""SELECT i.owner, i.name, i.definition ->> 'table_owner', i.definition ->> 'table',
        CASE WHEN {_PLAIN} THEN e.value ELSE 'SYS_NC' || printf('%05d', e.key + 1) || '$' END, e.key + 1,
        CASE WHEN upper(e.value) LIKE '% DESC' THEN 'DESC' ELSE 'ASC' END
        FROM objects i, json_each(i.definition, '$.expressions') e WHERE {_NOT_BINNED}
        UNION ALL SELECT o.owner, k.value ->> 'name', o.owner, o.name, n.value, n.key + 1, 'ASC'
        FROM objects o, json_each(o.definition, '$.constraints') k, json_each(k.value, '$.columns') n
        WHERE {_LIVE} AND k.value ->> 'kind' IN ('P', 'U')""",
    ),
    (
        "IND_EXPRESSIONS",
        "INDEX_OWNER INDEX_NAME TABLE_OWNER TABLE_NAME COLUMN_EXPRESSION:clob COLUMN_POSITION:number",
        f"""SELECT i.owner, i.name, i.definition ->> 'table_owner', i.definition ->> 'table', e.value, e.key + 1
        FROM objects i, json_each(i.definition, '$.expressions') e WHERE {_NOT_BINNED} AND NOT {_PLAIN}""",
    ),
    (
        "VIEWS",
        "OWNER VIEW_NAME TEXT_LENGTH:number TEXT:clob TEXT_VC READ_ONLY",
        """SELECT o.owner, o.name, length(o.definition ->> 'text'), o.definition ->> 'text', o.definition ->> 'text',
        'N' FROM objects o WHERE o.kind = 'VIEW'""",
    ),
    (
        "SEQUENCES",
        """SEQUENCE_OWNER SEQUENCE_NAME MIN_VALUE:number MAX_VALUE:number INCREMENT_BY:number CYCLE_FLAG ORDER_FLAG
        CACHE_SIZE:number LAST_NUMBER:number""",
        """SELECT o.owner, o.name, o.definition ->> 'minimum', o.definition ->> 'maximum', o.definition ->> 'increment',
        CASE o.definition ->> 'cycle' WHEN 1 THEN 'Y' ELSE 'N' END, 'N', o.definition ->> 'cache', s.next
        FROM objects o JOIN sequences s ON s.object_id = o.object_id WHERE o.kind = 'SEQUENCE'""",
    ),
    (
        "SYNONYMS",
        "OWNER SYNONYM_NAME TABLE_OWNER TABLE_NAME DB_LINK",
        """SELECT o.owner, o.name, o.definition ->> 'target_owner', o.definition ->> 'target', NULL
        FROM objects o WHERE o.kind = 'SYNONYM'""",
    ),
    (
        "OBJECTS",
        "OWNER OBJECT_NAME OBJECT_ID:number OBJECT_TYPE CREATED:date LAST_DDL_TIME:date STATUS TEMPORARY GENERATED",
        f"""SELECT o.owner, o.name, o.object_id, o.kind, substr(o.created, 1, 19) || '.000000',
        substr(o.changed, 1, 19) || '.000000', 'VALID', 'N', 'N' FROM objects o
        WHERE ({_LIVE}) OR o.kind NOT IN ('TABLE', 'RESTORE POINT')
        UNION ALL SELECT o.owner, k.value ->> 'name', o.object_id, 'INDEX', o.created, o.changed, 'VALID', 'N', 'Y'
        FROM {_KEYS}""",
    ),
    (
        "MVIEWS",
        "OWNER MVIEW_NAME QUERY:clob",
        "SELECT NULL, NULL, NULL WHERE 0",
    ),
    (
        "MVIEW_COMMENTS",
        "OWNER MVIEW_NAME COMMENTS",
        "SELECT NULL, NULL, NULL WHERE 0",
    ),
    (
        "DB_LINKS",
        "OWNER DB_LINK USERNAME HOST",
        "SELECT NULL, NULL, NULL, NULL WHERE 0",
    ),
)
