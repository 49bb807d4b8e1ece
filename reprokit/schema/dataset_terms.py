"""What may be done with a dataset, and what a reader must know of it: licence, constraints, provenance.

The fields are those that Datasheets for Datasets (Gebru et al., 2018, https://arxiv.org/abs/1803.09010), Croissant RAI
1.0 (http://mlcommons.org/croissant/RAI/1.0) and the Data & Trust Alliance's Data Provenance Standards 1.0.0 ask for.
The description of a field names its counterparts. All are optional: what is missing is not known, and a policy may ask.
"""

from __future__ import annotations

import datetime as dt
from typing import Literal, Self

from pydantic import Field, model_validator

from reprokit.schema.base import Model


class Period(Model):
    """A time span in ISO 8601 dates (days, months or years), both ends included."""

    start: str = Field(default="", pattern=r"^$|^\d{4}(-\d{2}(-\d{2})?)?$")
    end: str = Field(default="", pattern=r"^$|^\d{4}(-\d{2}(-\d{2})?)?$")

    @model_validator(mode="after")
    def _is_in_the_calendar(self) -> Self:
        for text in filter(None, (self.start, self.end)):
            try:
                dt.date.fromisoformat(f"{text}-01-01"[:10])
            except ValueError as error:
                raise ValueError(f"{text} is in no calendar: {error}") from None
        shorter = min(len(self.start), len(self.end))  # a month ends with its last day, a year with its last month
        if self.start[:shorter] > self.end[:shorter]:
            raise ValueError(f"it starts in {self.start}, and ends before that, in {self.end}")
        return self


class Terms(Model):
    """Licence and constraints, intended use, sensitive attributes, collection, contact."""

    licence: str = Field(default="", description="SPDX expression (Croissant: license; D&TA: license to use)")
    licence_uri: str = Field(default="", description="where the licence's text is")
    copyright: str = Field(default="", description="holder (D&TA: copyright)")
    title: str = Field(default="", description="(Croissant: name; D&TA: dataset title)")
    description: str = Field(default="", description="(Croissant, D&TA: description)")
    citation: str = Field(default="", description="(Croissant: citeAs)")
    publisher: str = Field(default="", description="(Croissant: publisher; D&TA: dataset issuer)")
    contact: str = Field(default="", description="(Datasheets: maintenance; Croissant: creator)")
    source: list[str] = Field(default=[], description="where it came from, URIs or names (D&TA: source; lineage)")
    motivation: str = Field(default="", description="why it was made (Datasheets: motivation)")
    intended_use: list[str] = Field(default=[], description="(Datasheets: uses; RAI: dataUseCases; D&TA: intended use)")
    prohibited_use: list[str] = Field(default=[], description="(Datasheets: uses; D&TA: license restrictions)")
    limitations: list[str] = Field(default=[], description="(RAI: dataLimitations)")
    biases: list[str] = Field(default=[], description="(RAI: dataBiases)")
    social_impact: str = Field(default="", description="(RAI: dataSocialImpact)")
    personal_data: Literal["", "yes", "no", "unknown"] = Field(
        default="", description="(Datasheets: composition; RAI: personalSensitiveInformation)"
    )
    sensitive_attributes: list[str] = Field(default=[], description="columns or traits (RAI: as above)")
    confidentiality: str = Field(default="", description="(D&TA: confidentiality classification)")
    consent: str = Field(default="", description="how it was given, or where it is documented (D&TA: consent)")
    privacy_measures: list[str] = Field(default=[], description="(D&TA: privacy enhancing technologies)")
    collection_method: list[str] = Field(default=[], description="(RAI: dataCollection; D&TA: method)")
    collection_period: Period = Field(
        default=Period(), description="(RAI: dataCollectionTimeframe; D&TA: range of dates for data generation)"
    )
    geography: list[str] = Field(default=[], description="origin (D&TA: data origin geography)")
    processing_geography: dict[str, list[str]] = Field(
        default={}, description="`include` and `exclude` (D&TA: data processing geography)"
    )
    annotation_protocol: str = Field(default="", description="(RAI: dataAnnotationProtocol)")
    annotators: str = Field(default="", description="who they were (RAI: annotatorDemographics)")
    preprocessing_protocol: list[str] = Field(default=[], description="(RAI: dataPreprocessingProtocol)")
    imputation: str = Field(default="", description="(RAI: dataImputationProtocol)")
    release_plan: str = Field(default="", description="(RAI: dataReleaseMaintenancePlan; Datasheets: maintenance)")
    retention: str = Field(default="", description="until when it may be kept, ISO 8601 date or period")
