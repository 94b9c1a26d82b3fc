"""What holds for every runtime, in a container engine."""

import pytest

from contract.runtime.conftest import DockerRuns
from contract.runtime.programs import ProgramContract
from contract.runtime.test_checkpoints import (
    test_a_link_among_the_checkpoints_leads_the_server_nowhere,
    test_checkpoints_count_as_what_the_run_wrote,
    test_each_instance_has_checkpoints_of_its_own,
    test_the_platforms_notes_stand_before_the_programs_first_word,
    test_what_is_saved_as_a_checkpoint_is_there_for_the_next_attempt_of_the_run,
)
from contract.runtime.test_input_modes import (
    channel,
    test_a_channel_that_cannot_be_read_fails_the_run_and_never_looks_like_its_end,
    test_a_pipe_gives_the_files_in_order_again_and_again,
    test_a_program_can_neither_write_to_a_pipe_nor_remove_one,
    test_a_program_that_never_opens_a_pipe_ends_as_it_does,
    test_a_program_that_waits_at_a_pipe_is_stopped_and_leaves_none,
    test_a_reader_that_closes_early_gets_the_next_epoch,
    test_channels_are_piped_each_at_its_own_pace_beside_one_that_is_a_folder,
    test_fast_file_is_the_channels_folder_read_only_and_called_file,
    test_the_feeding_dies_with_its_supervisor,
)
from contract.runtime.test_sandbox import (
    test_a_daemon_does_not_outlive_its_run,
    test_a_fork_bomb_stays_small_and_keeps_nobody_else_from_starting,
    test_a_hostile_failure_file_is_read_safely,
    test_disk_is_limited,
    test_memory_is_limited,
    test_the_output_folder_cannot_be_swapped_for_a_link,
    test_what_a_program_leaves_behind_can_be_forgotten,
)
from contract.runtime.test_several_instances import (
    test_a_channel_that_is_always_a_folder_is_on_every_host_beside_pipes,
    test_a_shard_cannot_be_written_to,
    test_a_sharded_channel_is_shared_out_in_whole_files_and_another_is_everybodys,
    test_a_stop_reaches_every_instance,
    test_every_instance_finds_the_contract_with_its_own_name_and_all_others,
    test_instances_reach_each_other_by_name_and_nothing_else,
    test_instances_share_no_files_and_each_has_its_own_output,
    test_limits_are_each_instances_own_and_the_one_that_breaks_one_is_named,
    test_one_that_fails_stops_the_others_and_is_named_with_its_own_words,
    test_the_maximum_runtime_ends_every_instance,
    test_the_run_goes_on_until_the_last_instance_has_ended,
    test_the_volume_is_each_instances_own,
)
from contract.runtime.test_transforms import (
    test_a_bad_record_fails_the_transform_and_names_its_file,
    test_a_bad_record_on_one_instance_leaves_the_files_of_the_others_whole,
    test_a_program_that_dies_while_serving_ends_with_its_own_exit_code,
    test_a_program_that_ends_well_before_its_work_is_done_has_failed,
    test_a_transform_can_be_stopped,
    test_an_archive_that_leads_out_is_refused,
    test_an_instance_that_dies_while_serving_stops_the_others_and_is_named,
    test_an_instance_without_a_file_of_its_own_serves_nothing_and_fails_nothing,
    test_every_file_is_put_through_the_served_model,
    test_several_instances_share_out_the_files_and_each_serves_on_a_network_of_its_own,
)
from contract.runtime.test_usage import test_cpu_memory_and_disk_of_every_instance_are_sampled
from whiteroom.runtime.docker.runtime import DockerRuntime

# What is imported runs with this module's `runs`.
__all__ = [
    "channel",
    "test_a_bad_record_fails_the_transform_and_names_its_file",
    "test_a_bad_record_on_one_instance_leaves_the_files_of_the_others_whole",
    "test_a_channel_that_cannot_be_read_fails_the_run_and_never_looks_like_its_end",
    "test_a_channel_that_is_always_a_folder_is_on_every_host_beside_pipes",
    "test_a_daemon_does_not_outlive_its_run",
    "test_a_fork_bomb_stays_small_and_keeps_nobody_else_from_starting",
    "test_a_hostile_failure_file_is_read_safely",
    "test_a_link_among_the_checkpoints_leads_the_server_nowhere",
    "test_a_pipe_gives_the_files_in_order_again_and_again",
    "test_a_program_can_neither_write_to_a_pipe_nor_remove_one",
    "test_a_program_that_dies_while_serving_ends_with_its_own_exit_code",
    "test_a_program_that_ends_well_before_its_work_is_done_has_failed",
    "test_a_program_that_never_opens_a_pipe_ends_as_it_does",
    "test_a_program_that_waits_at_a_pipe_is_stopped_and_leaves_none",
    "test_a_reader_that_closes_early_gets_the_next_epoch",
    "test_a_shard_cannot_be_written_to",
    "test_a_sharded_channel_is_shared_out_in_whole_files_and_another_is_everybodys",
    "test_a_stop_reaches_every_instance",
    "test_a_transform_can_be_stopped",
    "test_an_archive_that_leads_out_is_refused",
    "test_an_instance_that_dies_while_serving_stops_the_others_and_is_named",
    "test_an_instance_without_a_file_of_its_own_serves_nothing_and_fails_nothing",
    "test_channels_are_piped_each_at_its_own_pace_beside_one_that_is_a_folder",
    "test_checkpoints_count_as_what_the_run_wrote",
    "test_cpu_memory_and_disk_of_every_instance_are_sampled",
    "test_disk_is_limited",
    "test_each_instance_has_checkpoints_of_its_own",
    "test_every_file_is_put_through_the_served_model",
    "test_every_instance_finds_the_contract_with_its_own_name_and_all_others",
    "test_fast_file_is_the_channels_folder_read_only_and_called_file",
    "test_instances_reach_each_other_by_name_and_nothing_else",
    "test_instances_share_no_files_and_each_has_its_own_output",
    "test_limits_are_each_instances_own_and_the_one_that_breaks_one_is_named",
    "test_memory_is_limited",
    "test_one_that_fails_stops_the_others_and_is_named_with_its_own_words",
    "test_several_instances_share_out_the_files_and_each_serves_on_a_network_of_its_own",
    "test_the_feeding_dies_with_its_supervisor",
    "test_the_maximum_runtime_ends_every_instance",
    "test_the_output_folder_cannot_be_swapped_for_a_link",
    "test_the_platforms_notes_stand_before_the_programs_first_word",
    "test_the_run_goes_on_until_the_last_instance_has_ended",
    "test_the_volume_is_each_instances_own",
    "test_what_a_program_leaves_behind_can_be_forgotten",
    "test_what_is_saved_as_a_checkpoint_is_there_for_the_next_attempt_of_the_run",
]


@pytest.fixture
def runs(docker_runs: DockerRuns) -> DockerRuns:
    return docker_runs


class TestDocker(ProgramContract):
    adapters = (DockerRuntime,)
