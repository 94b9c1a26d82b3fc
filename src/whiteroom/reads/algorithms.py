"""Algorithms and their associations, by the ARNs that records hold. Either may be deleted since."""

from __future__ import annotations

from whiteroom.base.arns import parse_arn
from whiteroom.domain.privacy.policies import PrivacyPolicies
from whiteroom.domain.resources.configured_model_algorithm_associations import ConfiguredModelAlgorithmAssociation
from whiteroom.domain.resources.configured_model_algorithms import ConfiguredModelAlgorithm
from whiteroom.ports.transaction import Transaction


def association_at(tx: Transaction, arn: str) -> ConfiguredModelAlgorithmAssociation | None:
    """The association by this ARN; ValueError where the text is no ARN."""
    return tx.configured_model_algorithm_associations.get(parse_arn(arn).resource_id)


def algorithm_of(tx: Transaction, association: ConfiguredModelAlgorithmAssociation) -> ConfiguredModelAlgorithm | None:
    """The algorithm behind an association."""
    return tx.configured_model_algorithms.get(parse_arn(association.configured_model_algorithm_arn).resource_id)


def algorithm_at(tx: Transaction, association_arn: str) -> ConfiguredModelAlgorithm | None:
    """The algorithm behind the association by this ARN."""
    association = association_at(tx, association_arn)
    return None if association is None else algorithm_of(tx, association)


def policies_at(tx: Transaction, association_arn: str) -> PrivacyPolicies:
    """The privacy policies under which the algorithm of the association by this ARN works."""
    association = association_at(tx, association_arn)
    return PrivacyPolicies.parse(None if association is None else association.privacy_configuration)
