"""JSON Schemas (draft 2020-12) out of the models: ``python -m attest.schema [DIR]`` writes ``schemas/``.

They describe what attest writes. A reader of signed statements is more lenient (``attest.claim``), a reader
of documents people write is stricter: some rules (licence ids, territories) are no matter of schema.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import itertools
import json
import sys
import textwrap
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from attest.files import write_file
from attest.model import Model
from attest.predicate import BASE
from attest.resource import ResourceDescriptor

__all__ = ["SCHEMAS", "StatementDocument", "main", "schemas"]

SCHEMAS: dict[str, str] = {
    "statement": "attest.schema:StatementDocument",
    "resource-descriptor": "attest.resource:ResourceDescriptor",
    "step": "attest.predicates.step:Step",
    "dataset": "attest.predicates.dataset:Dataset",
    "rights": "attest.predicates.rights:Rights",
    "distribution": "attest.predicates.distribution:Distribution",
    "deletion-order": "attest.predicates.deletion_order:DeletionOrder",
    "deletion-certificate": "attest.predicates.deletion_certificate:DeletionCertificate",
    "withdrawal": "attest.predicates.withdrawal:Withdrawal",
    "register": "attest.predicates.register:Register",
    "contents": "attest.predicates.contents:Contents",
    "link": "attest.predicates.link:Link",
    "model-signature": "attest.predicates.oms:ModelSignature",
    "vsa": "attest.predicates.vsa:VerificationSummary",
    "svr": "attest.predicates.svr:VerificationResult",
    "card": "attest.card:Card",
    "order": "attest.orderfile:OrderFile",
    "items": "attest.certfile:ItemsFile",
    "declaration": "attest.certfile:DeclarationFile",
    "settings": "attest.settings:Settings",
    "trust": "attest.trustfile:TrustFile",
    "policy": "attest.policyfile:PolicyFile",
    "policy-cases": "attest.policyfile:CasesFile",
    "report": "attest.report:Report",
    "impact": "attest.toll:ImpactReport",
    "plan": "attest.toll_plan:PlanReport",
}
"""Name of the schema → the model it is made of."""

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


class StatementDocument(Model):
    """An in-toto Statement v1 as attest writes it; the schema of its predicate is that of its type."""

    type: Literal["https://in-toto.io/Statement/v1"] = Field(alias="_type")
    """The type of the statement."""
    subject: tuple[ResourceDescriptor, ...] = Field(min_length=1, max_length=1024)
    """What the statement is about, each with a name and a sha256."""
    predicate_type: str
    """URI of what kind of claim it makes."""
    predicate: dict[str, Any]
    """The claim."""


@cache
def _attribute_docs(model: type[BaseModel]) -> dict[str, str]:
    """Return field → the docstring that stands under it, of the class and its bases."""
    docs: dict[str, str] = {}
    for cls in reversed(model.__mro__):
        if not issubclass(cls, BaseModel) or cls is BaseModel:
            continue
        body = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]
        statements = body.body if isinstance(body, ast.ClassDef) else []
        for field, doc in itertools.pairwise(statements):
            if (
                isinstance(field, ast.AnnAssign)
                and isinstance(field.target, ast.Name)
                and isinstance(doc, ast.Expr)
                and isinstance(doc.value, ast.Constant)
                and isinstance(doc.value.value, str)
            ):
                docs[field.target.id] = " ".join(doc.value.value.replace("``", "`").split())
    return docs


class _Generator(GenerateJsonSchema):
    """Descriptions from docstrings under fields, titles for models alone, no null: none is ever written."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        result = super().model_schema(schema)
        model: type[BaseModel] = schema["cls"]
        docs = _attribute_docs(model)
        properties = result.get("properties", {})
        for name, field in model.model_fields.items():
            described = properties.get(field.alias or name)
            if described is not None and name in docs:
                described.setdefault("description", docs[name])
        return result

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        result = super().default_schema(schema)
        if result.get("default", ...) is None:
            del result["default"]
        return result

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's hook
        return False


def _load(target: str) -> type[BaseModel]:
    module, _, name = target.partition(":")
    model: type[BaseModel] = getattr(importlib.import_module(module), name)
    return model


def schemas() -> dict[str, dict[str, Any]]:
    """Return file name → JSON Schema, for every model of ``SCHEMAS``."""
    found: dict[str, dict[str, Any]] = {}
    for name, target in SCHEMAS.items():
        file = f"{name}.schema.json"
        body = _load(target).model_json_schema(by_alias=True, schema_generator=_Generator)
        found[file] = {"$schema": _DIALECT, "$id": f"{BASE}schemas/{file}", **body}
    return found


def main(arguments: Sequence[str] = ()) -> None:
    """Write every schema into a folder, ``schemas`` by default, and remove those of no model any more."""
    folder = Path(arguments[0]) if arguments else Path("schemas")
    folder.mkdir(parents=True, exist_ok=True)
    present = schemas()
    for file, schema in present.items():
        write_file(folder / file, [json.dumps(schema, indent=2, ensure_ascii=False).encode(), b"\n"])
    for old in folder.glob("*.schema.json"):
        if old.name not in present:
            old.unlink()


if __name__ == "__main__":
    main(sys.argv[1:])
