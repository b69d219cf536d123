"""DBA_, ALL_ and USER_ views of tables and their columns, constraints, comments.

Every definition's first column is the owner, the second the object's name; both decide who sees a row.
"""

from __future__ import annotations

from typing import Final

_LIVE = "o.kind = 'TABLE' AND o.definition ->> 'dropped_name' IS NULL"
_TYPE = "c.value ->> '$.type.kind'"
_SIZE = "c.value ->> '$.type.size'"
_IDENTITY = "c.value ->> 'identity' IS NOT NULL"
_DATA_TYPE = f"""CASE {_TYPE}
  WHEN 'TIMESTAMP' THEN 'TIMESTAMP(' || ifnull(c.value ->> '$.type.scale', 6) || ')'
  WHEN 'TIMESTAMP WITH TIME ZONE' THEN 'TIMESTAMP(' || ifnull(c.value ->> '$.type.scale', 6) || ') WITH '
    || CASE c.value ->> '$.type.local_zone' WHEN 1 THEN 'LOCAL ' ELSE '' END || 'TIME ZONE'
  ELSE {_TYPE} END"""
_DATA_LENGTH = f"""CASE {_TYPE} WHEN 'NUMBER' THEN 22 WHEN 'DATE' THEN 7 WHEN 'TIMESTAMP' THEN 11
  WHEN 'TIMESTAMP WITH TIME ZONE' THEN 13 WHEN 'BINARY_DOUBLE' THEN 8 WHEN 'CLOB' THEN 4000 WHEN 'BLOB' THEN 4000
  ELSE {_SIZE} * CASE c.value ->> '$.type.chars' WHEN 1 THEN 4 ELSE 1 END END"""
_IS_TEXT = f"{_TYPE} IN ('VARCHAR2', 'CHAR')"
_ISEQ = "'ISEQ$$_' || o.object_id"

_TAB_COLS = f"""SELECT o.owner, o.name, c.value ->> 'name', {_DATA_TYPE}, {_DATA_LENGTH},
  CASE {_TYPE} WHEN 'NUMBER' THEN c.value ->> '$.type.precision' END,
  CASE WHEN {_TYPE} IN ('NUMBER', 'TIMESTAMP', 'TIMESTAMP WITH TIME ZONE') THEN c.value ->> '$.type.scale' END,
  CASE c.value ->> 'nullable' WHEN 1 THEN 'Y' ELSE 'N' END, c.key + 1, c.key + 1,
  CASE WHEN {_IDENTITY} THEN '"' || o.owner || '"."' || {_ISEQ} || '".nextval' ELSE c.value ->> 'default' END,
  CASE WHEN {_IS_TEXT} THEN {_SIZE} ELSE 0 END,
  CASE WHEN {_IS_TEXT} THEN CASE c.value ->> '$.type.chars' WHEN 1 THEN 'C' ELSE 'B' END END,
  'NO', 'NO', CASE c.value ->> 'default_on_null' WHEN 1 THEN 'YES' ELSE 'NO' END,
  CASE WHEN {_IDENTITY} THEN 'YES' ELSE 'NO' END, 'YES'
  FROM objects o, json_each(o.definition, '$.columns') c
  WHERE ({_LIVE}) OR o.kind = 'VIEW'"""
_TAB_COLS_COLUMNS = """OWNER TABLE_NAME COLUMN_NAME DATA_TYPE DATA_LENGTH:number DATA_PRECISION:number DATA_SCALE:number
  NULLABLE COLUMN_ID:number INTERNAL_COLUMN_ID:number DATA_DEFAULT:clob CHAR_LENGTH:number CHAR_USED VIRTUAL_COLUMN
  HIDDEN_COLUMN DEFAULT_ON_NULL IDENTITY_COLUMN USER_GENERATED"""

_OPTIONS = """'START WITH: ' || (c.value ->> '$.identity.start') || ', INCREMENT BY: 1, MAX_VALUE: 9223372036854775807,'
  || ' MIN_VALUE: 1, CYCLE_FLAG: N, CACHE_SIZE: 20, ORDER_FLAG: N'"""

# The rows of all constraints: owner, table, constraint (as JSON), its table's object id.
_CONSTRAINTS = f"objects o, json_each(o.definition, '$.constraints') k WHERE {_LIVE}"

# (family, columns with types, the query that gives them in this order)
TABLE_VIEWS: Final[tuple[tuple[str, str, str], ...]] = (
    (
        "TABLES",
        """OWNER TABLE_NAME TABLESPACE_NAME CLUSTER_NAME IOT_NAME STATUS NUM_ROWS:number LOGGING COMPRESSION
        COMPRESS_FOR TEMPORARY SECONDARY NESTED DURATION DROPPED READ_ONLY PARTITIONED ROW_MOVEMENT""",
        f"""SELECT o.owner, o.name, 'DATA', NULL, NULL, 'VALID', NULL, 'YES', 'DISABLED', NULL, 'N', 'N', 'NO', NULL,
        'NO', 'NO', 'NO', CASE o.definition ->> 'row_movement' WHEN 1 THEN 'ENABLED' ELSE 'DISABLED' END
        FROM objects o WHERE {_LIVE}""",
    ),
    ("TAB_COLS", _TAB_COLS_COLUMNS, _TAB_COLS),
    ("TAB_COLUMNS", _TAB_COLS_COLUMNS, _TAB_COLS),
    (
        "TAB_IDENTITY_COLS",
        "OWNER TABLE_NAME COLUMN_NAME GENERATION_TYPE SEQUENCE_NAME IDENTITY_OPTIONS",
        f"""SELECT o.owner, o.name, c.value ->> 'name',
        CASE c.value ->> '$.identity.always' WHEN 1 THEN 'ALWAYS' ELSE 'BY DEFAULT' END, {_ISEQ}, {_OPTIONS}
        FROM objects o, json_each(o.definition, '$.columns') c WHERE {_LIVE} AND {_IDENTITY}""",
    ),
    (
        "TAB_COMMENTS",
        "OWNER TABLE_NAME TABLE_TYPE COMMENTS",
        f"SELECT o.owner, o.name, o.kind, o.definition ->> 'comment' FROM objects o WHERE ({_LIVE}) OR o.kind = 'VIEW'",
    ),
    (
        "COL_COMMENTS",
        "OWNER TABLE_NAME COLUMN_NAME COMMENTS",
        f"""SELECT o.owner, o.name, c.value ->> 'name', c.value ->> 'comment'
        FROM objects o, json_each(o.definition, '$.columns') c WHERE ({_LIVE}) OR o.kind = 'VIEW'""",
    ),
    (
        "CONSTRAINTS",
        """OWNER TABLE_NAME CONSTRAINT_NAME CONSTRAINT_TYPE SEARCH_CONDITION:clob SEARCH_CONDITION_VC R_OWNER
        R_CONSTRAINT_NAME DELETE_RULE STATUS DEFERRABLE DEFERRED VALIDATED GENERATED INDEX_OWNER INDEX_NAME""",
        f"""SELECT o.owner, o.name, k.value ->> 'name', k.value ->> 'kind', k.value ->> 'condition',
        k.value ->> 'condition', k.value ->> 'ref_owner',
        (SELECT q.value ->> 'name' FROM objects p, json_each(p.definition, '$.constraints') q
          WHERE p.kind = 'TABLE' AND p.owner = k.value ->> 'ref_owner' AND p.name = k.value ->> 'ref_table'
          AND q.value ->> 'kind' IN ('P', 'U') AND q.value -> 'columns' = k.value -> 'ref_columns'),
        CASE k.value ->> 'kind' WHEN 'R' THEN ifnull(k.value ->> 'on_delete', 'NO ACTION') END, 'ENABLED',
        CASE k.value ->> 'deferred' WHEN 1 THEN 'DEFERRABLE' ELSE 'NOT DEFERRABLE' END,
        CASE k.value ->> 'deferred' WHEN 1 THEN 'DEFERRED' ELSE 'IMMEDIATE' END, 'VALIDATED',
        CASE k.value ->> 'generated' WHEN 1 THEN 'GENERATED NAME' ELSE 'USER NAME' END,
        CASE WHEN k.value ->> 'kind' IN ('P', 'U') THEN o.owner END,
        CASE WHEN k.value ->> 'kind' IN ('P', 'U') THEN k.value ->> 'name' END FROM {_CONSTRAINTS}""",
    ),
    (
        "CONS_COLUMNS",
        "OWNER TABLE_NAME CONSTRAINT_NAME COLUMN_NAME POSITION:number",
        f"""SELECT o.owner, o.name, k.value ->> 'name', n.value, n.key + 1
        FROM objects o, json_each(o.definition, '$.constraints') k, json_each(k.value, '$.columns') n WHERE {_LIVE}""",
    ),
)
