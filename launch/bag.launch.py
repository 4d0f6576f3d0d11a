"""A bag played into the node, in real time; ends when the bag ends.

    ros2 launch itnet bag.launch.py bag:=drive topic:=/camera/image_raw budget_ms:=50.0

Of the bag only the images and their calibration are played: one that was recorded beside the node has masks, labels and diagnostics
of its own, which would mix with those made now. Where only the masks are wanted, `itnet replay` makes them without ROS, and counts
what was dropped.
"""

import os

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import (
    DeclareLaunchArgument, ExecuteProcess, IncludeLaunchDescription, OpaqueFunction, Shutdown, TimerAction,
)
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration

SHARE = get_package_share_directory('itnet')

# Time for the last mask.
AFTER_THE_BAG = 1.0


def played(topic, topics):
    """What `ros2 bag play` is told of the topics to play."""
    if topics == 'all':
        return []
    images = topic.removesuffix('/compressed')
    camera = [images, f'{images}/compressed', f'{os.path.dirname(images).rstrip("/")}/camera_info']
    return ['--topics', *(topics.split() or camera)]


def play(context):
    names = ('bag', 'topic', 'topics', 'rate', 'loop', 'use_sim_time')
    value = {name: LaunchConfiguration(name).perform(context) for name in names}
    loop = ['--loop'] if value['loop'].lower() == 'true' else []
    clock = ['--clock', '100'] if value['use_sim_time'].lower() == 'true' else []
    ended = TimerAction(period=AFTER_THE_BAG, actions=[Shutdown(reason='the bag has ended')])
    player = ExecuteProcess(
        cmd=[
            'ros2', 'bag', 'play', value['bag'], '--rate', value['rate'], '--disable-keyboard-controls', *loop, *clock,
            *played(value['topic'], value['topics']),
        ],
        name='bag',
        output='screen',
        on_exit=[ended],
    )
    return [TimerAction(period=float(LaunchConfiguration('delay').perform(context)), actions=[player])]


def generate_launch_description():
    return LaunchDescription([
        DeclareLaunchArgument('bag', description='Bag to play: a rosbag2 folder'),
        DeclareLaunchArgument(
            'topic', default_value='/camera/image_raw', description='Image topic in the bag, compressed or not',
        ),
        DeclareLaunchArgument(
            'topics',
            default_value='',
            description='Topics of the bag to play, parted by spaces, or all [default: the images and the camera_info beside them]',
        ),
        DeclareLaunchArgument('rate', default_value='1.0', description='Speed, 1.0 is as recorded'),
        DeclareLaunchArgument(
            'loop',
            default_value='false',
            choices=['true', 'false', 'True', 'False'],
            description='Start again at the end of the bag',
        ),
        DeclareLaunchArgument(
            'delay', default_value='3.0', description='Seconds before the bag starts, in which the node warms the model',
        ),
        IncludeLaunchDescription(
            PythonLaunchDescriptionSource(os.path.join(SHARE, 'launch', 'itnet.launch.py')),
            launch_arguments={'image_topic': LaunchConfiguration('topic')}.items(),
        ),
        OpaqueFunction(function=play),
    ])
