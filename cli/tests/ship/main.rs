//! `panic-agent ship`, from outside: against receivers that do what a script says, and against real ones.
//!
//! Real receivers come from package registries and are started here. What cannot be had is shown as ignored, with the reason.

mod answers;
mod application;
mod bugsink;
mod faults;
mod fleet;
mod full_disk;
mod inside;
mod install;
mod journal;
mod kafka_access;
mod lines;
mod metrics;
mod names;
mod notices;
#[path = "../support/packages.rs"]
mod packages;
mod pipelines;
mod receivers;
mod server;
mod stores;
mod support;
mod syslog;
mod tls;

use std::collections::BTreeSet;
use std::path::Path;

use install::Needs;
use libtest_mimic::{Arguments, Trial};

macro_rules! trials {
    ($($module:ident::$name:ident),* $(,)?) => {
        vec![$(Trial::test(stringify!($name), || {
            $module::$name();
            Ok(())
        })),*]
    };
}

/// A test that needs what is installed there.
type Real = fn(&Path);

fn main() {
    if application::run_if_asked() || inside::run_if_asked() {
        return;
    }
    let scripted = trials![
        faults::a_receiver_that_fails_for_a_while_gets_everything_in_the_end,
        faults::a_receiver_that_is_down_at_the_start_is_waited_for,
        faults::a_receiver_that_lets_nobody_in_costs_nothing_and_the_secret_is_read_again,
        faults::what_a_receiver_asks_for_is_waited_to_the_second,
        faults::one_poisoned_line_is_found_and_kept_and_no_other,
        faults::time_that_is_over_leaves_the_rest_for_the_next_time,
        faults::a_shipper_that_is_killed_goes_on_behind_what_it_delivered,
        faults::two_shippers_of_one_destination_exclude_each_other,
        faults::files_that_are_renamed_removed_and_truncated_under_it_lose_nothing_that_it_could_read,
        faults::a_verdict_that_comes_late_is_a_second_record_with_the_same_id,
        faults::one_destination_that_fails_keeps_no_other_from_its_records,
        answers::what_a_collector_rejects_of_a_batch_is_kept_and_said_to_be_uncertain,
        answers::limits_of_sentry_are_waited_for_and_nothing_is_dropped,
        answers::an_end_that_is_asked_for_does_not_wait_for_a_limit,
        application::a_program_that_is_killed_while_it_is_shipped_has_every_panic_once,
        inside::a_service_that_ships_from_inside_loses_nothing_when_it_and_the_receiver_are_killed,
        inside::a_service_that_ships_from_inside_ends_although_nobody_takes_anything,
        notices::findings_losses_and_deaths_are_shipped_as_they_are_and_quiet_ends_are_not,
        metrics::numbers_are_told_over_http_and_in_a_file,
        metrics::the_dashboard_asks_for_numbers_that_are_told,
        kafka_access::what_the_broker_cannot_be_told_is_an_error,
        tls::the_right_certificate_is_let_in_and_no_other,
        tls::a_server_that_another_authority_vouches_for_is_not_believed,
        tls::files_that_cannot_be_used_are_errors_that_show_no_key,
        tls::a_proxy_is_gone_through_with_its_password_and_not_without,
        names::a_stripped_program_has_names_and_a_verdict_when_its_debug_file_is_there,
    ];
    let mut arguments = Arguments::from_args();
    // Most of them wait for others most of the time.
    arguments.test_threads.get_or_insert(8);
    let python = Needs::Python("requirements.txt");
    let fleet_list = Needs::Python("requirements-fleet.txt");
    let real: [(&str, Needs, Real); 23] = [
        (
            "bugsink_gets_every_panic_in_the_issue_of_its_root",
            Needs::Python("requirements-bugsink.txt"),
            bugsink::bugsink,
        ),
        ("rotel_gets_every_panic_with_its_meaning", python, receivers::rotel),
        ("oteltap_gets_every_panic_with_its_meaning", python, receivers::oteltap),
        ("sentry_relay_gets_every_panic_with_its_meaning", python, receivers::sentry_relay),
        ("foxray_gets_every_panic_with_its_meaning", python, receivers::foxray),
        ("rsyslog_gets_every_panic_over_tcp_and_udp", Needs::Debian, syslog::tcp_and_udp),
        ("rsyslog_gets_every_panic_on_a_socket", Needs::Debian, syslog::a_socket),
        ("rsyslog_that_is_started_again_gets_every_line", Needs::Debian, syslog::a_restart),
        ("rsyslog_follows_the_log_as_the_page_on_pipelines_has_it", Needs::Debian, syslog::the_pipeline),
        ("syslog_ng_follows_the_log_as_the_page_on_pipelines_has_it", Needs::Debian, pipelines::syslog_ng),
        ("a_remote_journal_gets_every_panic_with_its_meaning", Needs::Debian, journal::remote),
        ("a_full_disk_costs_no_record_and_no_dead_letter", Needs::Mount, full_disk::state),
        ("journald_gets_every_panic_with_its_meaning", Needs::DebianAndMount, journal::socket),
        ("numbers_and_alerts_are_as_prometheus_wants_them", Needs::Debian, metrics::as_prometheus_wants_them),
        ("kafka_that_is_stopped_in_between_gets_every_line", fleet_list, fleet::kafka),
        (
            "three_shippers_a_collector_and_a_broker_answer_the_questions_of_the_page",
            fleet_list,
            fleet::the_whole_path,
        ),
        (
            "clickhouse_answers_the_questions_of_the_page",
            Needs::Python("requirements-clickhouse.txt"),
            fleet::clickhouse,
        ),
        (
            "kafka_that_wants_a_certificate_and_a_password_is_sent_nothing_without",
            fleet_list,
            kafka_access::a_certificate_and_a_password,
        ),
        (
            "kafka_that_does_not_know_us_is_waited_for",
            fleet_list,
            kafka_access::a_user_that_the_broker_does_not_know,
        ),
        ("loki_gives_every_panic_back", Needs::Program(stores::LOKI), stores::loki),
        ("a_collector_gives_every_panic_back", Needs::Program(stores::COLLECTOR), stores::collector),
        (
            "victoria_logs_gives_every_panic_back",
            Needs::Program(stores::VICTORIA_LOGS),
            stores::victoria_logs,
        ),
        ("ecs_has_no_field_that_elastic_does_not_know", Needs::Npm("@elastic/ecs@9.4.0"), lines::ecs),
    ];
    // Nothing is installed for a list, or for tests that are not run.
    let is_wanted = |name: &str| {
        let filters = arguments.filter.as_ref();
        !arguments.list && filters.is_none_or(|filter| name.contains(filter.as_str()))
    };
    let needed: BTreeSet<Needs> =
        real.iter().filter(|(name, ..)| is_wanted(name)).map(|(_, needs, _)| *needs).collect();
    let there = install::all(&needed);
    // These take longest, so they are the first.
    let mut trials = Vec::new();
    for (name, needs, run) in real {
        let place = match there.get(&needs).filter(|_| is_wanted(name)) {
            Some(place) => place.clone(),
            None => Err("it is not asked for".to_owned()),
        };
        if let Some(why) = place.as_ref().err().filter(|_| is_wanted(name)) {
            eprintln!("SKIPPED: {name}: {why}");
        }
        let is_ignored = place.is_err();
        let trial = Trial::test(name, move || {
            run(&place?);
            Ok(())
        });
        trials.push(trial.with_ignored_flag(is_ignored));
    }
    trials.extend(scripted);
    libtest_mimic::run(&arguments, trials).exit();
}
