"""The routes of templates: logics to start from."""

from typing import Annotated

from litestar import Controller, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from msgspec import Meta, Struct

from pipeline.model.machine_settings import MachineSettings
from pipeline.templates.library import templates
from pipeline.trials.examples import Example
from web.access.roles import Role, access


class TemplateSummary(Struct):
    """A template: what its logic does, and the settings that it needs (`{}` if it needs none)."""

    name: Annotated[str, Meta(examples=["milesight"])]
    title: Annotated[str, Meta(examples=["Milesight sensor"])]
    description: Annotated[str, Meta(examples=["Decodes the payload of Milesight's LoRaWAN sensors."])]
    settings: Annotated[MachineSettings, Meta(examples=[{"format": "binary"}])]


class WholeTemplate(TemplateSummary):
    """A template with its logic and examples. Upload both to a machine or a profile."""

    logic: str
    examples: list[Example]


class TemplateList(Struct):
    """All templates, in alphabetical order of their names."""

    templates: list[TemplateSummary]


class TemplatesController(Controller):
    """`/templates`."""

    path = "/templates"

    @get(sync_to_thread=True, **access(Role.VIEWER))
    def list_templates(self) -> TemplateList:
        """List the templates: logics to start from."""
        return TemplateList(
            [
                TemplateSummary(each.name, each.title, each.description, each.settings)
                for each in templates().values()
            ]
        )

    @get("/{name:str}", sync_to_thread=True, **access(Role.VIEWER, 404))
    def get_template(self, name: FromPath[str]) -> WholeTemplate:
        """Return a template with its logic and examples."""
        found = templates().get(name)
        if found is None:
            raise NotFoundException(detail=f"There is no template {name!r}.")
        return WholeTemplate(
            found.name, found.title, found.description, found.settings, found.logic, found.examples
        )
